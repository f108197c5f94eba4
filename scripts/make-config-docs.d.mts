export interface Docstring {
  readonly meaning: string
  readonly type: string
  readonly tags: Readonly<Record<string, string>>
}
export function docstringsOf(source: string, interfaceName: string): Map<string, Docstring>
export function defaultText(row: { readonly default?: unknown; readonly defaultText?: string }): string
export function renderConfigDocs(from: {
  readonly optionTable: object
  readonly refusedOptions: ReadonlyMap<string, object>
  readonly classNames: ReadonlyMap<string, object>
  readonly optionsSource: string
}): string
export function readOptionsSource(): string
export function readConfigDocs(): string
