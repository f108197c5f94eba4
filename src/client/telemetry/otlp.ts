import type { Histogram } from '../metrics/histogram.ts'
import type { HistogramMetric, Metric, NumberMetric } from '../metrics/producer-metrics.ts'
import { ucumUnits } from '../metrics/ucum-units.ts'
import type { Grown, Growth } from './growth.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import { telemetryAttributes, telemetryName } from './telemetry-names.ts'

export interface MetricsDataOptions {
  /** What all metrics of this client have in common. */
  readonly resource: Readonly<Record<string, string>>
  readonly version: string
  /** Wall clock, milliseconds: now, and when the producer was made. */
  readonly now: number
  readonly startedAt: number
  /** undefined: counters are told as what they have come to. */
  readonly growth: Growth | undefined
  isWanted(metric: Metric, name: string): boolean
}

/** Aggregation temporalities of OTLP. */
const [delta, cumulative] = [1, 2]

/**
 * Metrics as a MetricsData message: counters become sums, histograms histograms, everything else gauges; NaN says nothing and is left
 * out. All data points of a name are one metric, under one resource. Source: opentelemetry/proto/metrics/v1/metrics.proto,
 * opentelemetry/proto/common/v1/common.proto; KIP-714; KafkaMetricsCollector, SinglePointMetric of the Java client, which writes a
 * resource for each data point.
 */
export function writeMetricsData(metrics: Iterable<Metric>, options: MetricsDataOptions): Buffer {
  const byName = new Map<string, Metric[]>()
  for (const metric of metrics) {
    const name = telemetryName(metric)
    if (Number.isNaN(metric.value) || !options.isWanted(metric, name)) continue
    const points = byName.get(name)
    if (points === undefined) byName.set(name, [metric])
    else points.push(metric)
  }
  const scopeMetrics = new ProtobufWriter()
  scopeMetrics.message(1, new ProtobufWriter().text(1, 'ottla').text(2, options.version))
  for (const [name, points] of byName) scopeMetrics.message(2, metricOf(name, points, options))
  const resource = new ProtobufWriter()
  for (const attribute of Object.entries(options.resource)) resource.message(1, keyValue(attribute))
  const resourceMetrics = new ProtobufWriter().message(1, resource).message(2, scopeMetrics)
  return new ProtobufWriter().message(1, resourceMetrics).written()
}

function metricOf(name: string, points: readonly Metric[], options: MetricsDataOptions): ProtobufWriter {
  const { type, unit } = points[0]!
  const data = new ProtobufWriter()
  for (const point of points)
    data.message(1, point.type === 'histogram' ? histogramPoint(point, options) : numberPoint(point, options))
  const metric = new ProtobufWriter().text(1, name).text(3, ucumUnits[unit])
  if (type === 'gauge') return metric.message(5, data)
  data.varint(2, options.growth === undefined ? cumulative : delta)
  if (type === 'counter') return metric.message(7, data.varint(3, 1)) // it only grows
  return metric.message(9, data)
}

function numberPoint(metric: NumberMetric, options: MetricsDataOptions): ProtobufWriter {
  const { now } = options
  const point = new ProtobufWriter()
  if (metric.type === 'gauge') point.fixed64(3, nanoseconds(now)).double(4, metric.value)
  else {
    const { value, since } = grown(metric, metric.value, options)
    point.fixed64(2, nanoseconds(since)).fixed64(3, nanoseconds(now)).double(4, value)
  }
  for (const attribute of telemetryAttributes(metric.tags)) point.message(7, keyValue(attribute))
  return point
}

function histogramPoint(metric: HistogramMetric, options: MetricsDataOptions): ProtobufWriter {
  const { value, since } = grown(metric, metric.value, options)
  const point = new ProtobufWriter()
  point.fixed64(2, nanoseconds(since)).fixed64(3, nanoseconds(options.now))
  point.fixed64(4, BigInt(value.count)).double(5, value.sum)
  const [counts, bounds] = [new ProtobufWriter(), new ProtobufWriter()]
  for (const count of countsOf(value)) counts.bareFixed64(BigInt(count))
  for (const { le } of value.buckets) bounds.bareDouble(le)
  point.packed(6, counts).packed(7, bounds)
  for (const attribute of telemetryAttributes(metric.tags)) point.message(9, keyValue(attribute))
  return point
}

function grown<V extends number | Histogram>(
  metric: Metric,
  value: V,
  { growth, now, startedAt }: MetricsDataOptions,
): Grown<V> {
  return growth?.of(metric, value, now) ?? { value, since: startedAt }
}

/** Of each bucket alone; the last is what is larger than all bounds. */
function countsOf({ buckets, count }: Histogram): number[] {
  const alone = buckets.map((bucket, index) => bucket.count - (buckets[index - 1]?.count ?? 0))
  return [...alone, count - (buckets.at(-1)?.count ?? 0)]
}

const keyValue = ([key, value]: readonly [string, string]) =>
  new ProtobufWriter().text(1, key).message(2, new ProtobufWriter().text(1, value))

const nanoseconds = (ms: number) => BigInt(Math.round(ms)) * 1_000_000n
