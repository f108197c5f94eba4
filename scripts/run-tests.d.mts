export interface Counts {
  passed: number
  failed: number
  skipped: number
}
export function countsOf(report: object | undefined, exitCode: number | null): Counts
export function failedLines(report: object | undefined, root?: string): string[]
export function add(a: Counts, b: Counts): Counts
export function line(counts: Counts): string
