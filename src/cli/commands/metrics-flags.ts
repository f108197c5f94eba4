/** The flags of `ottla metrics`, as commander gives them. */
export interface MetricsFlags {
  url?: string
  interval?: string
  producer?: string
  once?: boolean
  json?: boolean
  quiet?: boolean
}

export interface MetricsSettings {
  readonly url: string
  readonly intervalMs: number
  readonly producer: string | undefined
}

const MIN_INTERVAL_MS = 100
const MAX_INTERVAL_MS = 3_600_000
const unitMs: Readonly<Record<string, number>> = { '': 1000, ms: 1, s: 1000, m: 60_000 }

/** What is wrong is added to `problems`, so that all of it is told together. */
export function metricsSettings(flags: MetricsFlags, problems: string[]): MetricsSettings {
  const { url = 'http://127.0.0.1:9464/metrics', interval = '1s', producer } = flags
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    problems.push(`--url is an address that begins with http:// or https://, not "${url}"`)
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(interval.trim()) ?? []
  const intervalMs = digits === '' ? Number.NaN : Number(digits) * unitMs[unit]!
  if (!(intervalMs >= MIN_INTERVAL_MS && intervalMs <= MAX_INTERVAL_MS))
    problems.push(`--interval is a time from 100ms to 60m, as in 500ms, 2s or 1m, not "${interval}"`)
  return { url, intervalMs, producer }
}
