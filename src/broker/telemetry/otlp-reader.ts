import { DecodeError } from '../../base/errors/decode-error.ts'
import { type ProtobufField, protobufFields } from './protobuf-reader.ts'

/** A distribution as OTLP has it: `counts` has one element more than `bounds`, for what is larger than all of them. */
export interface TelemetryHistogram {
  readonly count: number
  readonly sum: number
  readonly bounds: readonly number[]
  /** Of each bucket alone, not of the smaller ones with it. */
  readonly counts: readonly number[]
}

/** One data point of a metric that a client has pushed. Source: opentelemetry/proto/metrics/v1/metrics.proto. */
export interface TelemetryMetric {
  readonly name: string
  readonly unit: string
  readonly type: 'gauge' | 'sum' | 'histogram'
  /** null: a gauge, which has none. */
  readonly temporality: 'delta' | 'cumulative' | null
  /** Of a sum: whether it only grows. */
  readonly isMonotonic: boolean
  /** What the metric belongs to: `topic`, `node_id`, … */
  readonly attributes: Readonly<Record<string, string>>
  /** What all metrics of this client have in common. */
  readonly resource: Readonly<Record<string, string>>
  /** Since when a sum or histogram counts, in nanoseconds since 1970; 0 where it was not told. */
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly value: number | TelemetryHistogram
}

type About = Pick<TelemetryMetric, 'name' | 'unit' | 'type' | 'temporality' | 'isMonotonic' | 'resource'>

/** So that a small push cannot become gigabytes of objects. */
const mostPoints = 100_000

/** Reads a MetricsData message: all data points of all metrics. Throws DecodeError for bytes that are none, or are too many. */
export function readMetricsData(bytes: Buffer): TelemetryMetric[] {
  const found: TelemetryMetric[] = []
  const add = (metric: TelemetryMetric) => {
    if (found.push(metric) > mostPoints) throw new DecodeError(`OTLP: more than ${mostPoints} data points`)
  }
  for (const resourceMetrics of messages(bytes, 1)) {
    const resource = Object.fromEntries(messages(resourceMetrics, 1).flatMap(own => attributes(own, 1)))
    for (const scopeMetrics of messages(resourceMetrics, 2))
      for (const metric of messages(scopeMetrics, 2)) readMetric(metric, resource, add)
  }
  return found
}

const kinds = new Map<number, TelemetryMetric['type']>([
  [5, 'gauge'],
  [7, 'sum'],
  [9, 'histogram'],
])
const temporalities = [null, 'delta', 'cumulative'] as const

function readMetric(bytes: Buffer, resource: About['resource'], add: (metric: TelemetryMetric) => void): void {
  const fields = [...protobufFields(bytes)]
  const [name, unit] = [text(fields, 1), text(fields, 3)]
  for (const field of fields) {
    const type = kinds.get(field.number)
    if (type === undefined || field.type !== 'bytes') continue
    const data = [...protobufFields(field.value)]
    const temporality = temporalities[Number(scalar(data, 2))] ?? null
    const about = { name, unit, type, temporality, isMonotonic: scalar(data, 3) === 1n, resource }
    for (const point of messages(field.value, 1))
      add(type === 'histogram' ? histogram(about, point) : number(about, point))
  }
}

function number(about: About, bytes: Buffer): TelemetryMetric {
  const fields = [...protobufFields(bytes)]
  const whole = fields.find(field => field.number === 6)
  const value = whole?.type === 'fixed64' ? Number(BigInt.asIntN(64, whole.value)) : double(scalar(fields, 4))
  return { ...about, ...times(fields), attributes: Object.fromEntries(attributes(bytes, 7)), value }
}

function histogram(about: About, bytes: Buffer): TelemetryMetric {
  const fields = [...protobufFields(bytes)]
  const value = {
    count: Number(scalar(fields, 4)),
    sum: double(scalar(fields, 5)),
    counts: eights(fields, 6).map(Number),
    bounds: eights(fields, 7).map(double),
  }
  return { ...about, ...times(fields), attributes: Object.fromEntries(attributes(bytes, 9)), value }
}

const times = (fields: readonly ProtobufField[]) => ({
  startTimeUnixNano: scalar(fields, 2),
  timeUnixNano: scalar(fields, 3),
})

/** Key and value of each attribute that is text. */
function attributes(bytes: Buffer, number: number): [string, string][] {
  return messages(bytes, number).map(attribute => {
    const value = messages(attribute, 2)[0]
    return [text([...protobufFields(attribute)], 1), value === undefined ? '' : text([...protobufFields(value)], 1)]
  })
}

function messages(bytes: Buffer, number: number): Buffer[] {
  const found: Buffer[] = []
  for (const field of protobufFields(bytes))
    if (field.number === number && field.type === 'bytes') found.push(field.value)
  return found
}

function text(fields: readonly ProtobufField[], number: number): string {
  const field = fields.find(candidate => candidate.number === number)
  return field?.type === 'bytes' ? field.value.toString('utf8') : ''
}

/** Protobuf leaves out what is zero. */
function scalar(fields: readonly ProtobufField[], number: number): bigint {
  const field = fields.find(candidate => candidate.number === number)
  return field?.type === 'varint' || field?.type === 'fixed64' ? field.value : 0n
}

/** Numbers of eight bytes, packed or one by one: both are legal. */
function eights(fields: readonly ProtobufField[], number: number): bigint[] {
  const found: bigint[] = []
  for (const field of fields) {
    if (field.number !== number) continue
    if (field.type === 'fixed64') found.push(field.value)
    else if (field.type === 'bytes')
      for (let at = 0; at + 8 <= field.value.length; at += 8) found.push(field.value.readBigUInt64LE(at))
  }
  return found
}

function double(bits: bigint): number {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, bits))
  return bytes.readDoubleLE(0)
}
