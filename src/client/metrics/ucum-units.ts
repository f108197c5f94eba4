import type { MetricUnit } from './metric-table.ts'

/** Units by UCUM, as OpenTelemetry and its protocol write them. Source: https://ucum.org */
export const ucumUnits: Readonly<Record<MetricUnit, string>> = {
  records: '{record}',
  batches: '{batch}',
  requests: '{request}',
  bytes: 'By',
  milliseconds: 'ms',
  nanoseconds: 'ns',
  seconds: 's',
  ratio: '1',
  count: '1',
}
