export function renderMetricsDocs(from: {
  readonly readMetrics: object
  readonly ProducerMeters: object
  readonly seen: readonly object[]
}): string
export function readSeen(): object[]
export function readMetricsDocs(): string
