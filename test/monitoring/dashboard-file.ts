import { readFileSync } from 'node:fs'

export interface DashboardTarget {
  readonly refId: string
  readonly expr: string
  readonly instant: boolean
  readonly datasource: unknown
}

export interface DashboardPanel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  /** A row has none, nor a configuration. */
  readonly targets?: readonly DashboardTarget[]
  readonly fieldConfig?: {
    readonly defaults: { readonly unit: string }
    readonly overrides: readonly { readonly matcher: { readonly id: string; readonly options: string } }[]
  }
  readonly transformations?: readonly { readonly options: { readonly renameByName?: Record<string, string> } }[]
}

export interface DashboardVariable {
  readonly name: string
  readonly type: string
  readonly multi: boolean
  readonly includeAll: boolean
  readonly allValue?: string
  readonly definition?: string
}

export interface Dashboard {
  readonly panels: readonly DashboardPanel[]
  readonly templating: { readonly list: readonly DashboardVariable[] }
}

/** The dashboard as it is shipped. */
export const readDashboard = (): Dashboard =>
  JSON.parse(readFileSync(new URL('../../monitoring/grafana-dashboard.json', import.meta.url), 'utf8'))
