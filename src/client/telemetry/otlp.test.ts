import { expect, test } from 'vitest'
import type { Histogram } from '../metrics/histogram.ts'
import type { Metric } from '../metrics/producer-metrics.ts'
import { Growth } from './growth.ts'
import { writeMetricsData } from './otlp.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import { telemetryAttributes, telemetryName } from './telemetry-names.ts'

const metric = (more: Partial<Metric>): Metric =>
  ({
    ...{ name: 'record-send-total', group: 'producer-metrics', tags: { 'client-id': 'c' } },
    ...{ type: 'counter', unit: 'records', description: '', value: 7 },
    ...more,
  }) as Metric

const options = { resource: {}, version: '1', now: 3, startedAt: 2, growth: undefined, isWanted: () => true }

test.each([
  ['producer-metrics', 'record-send-rate', 'org.apache.kafka.producer.record.send.rate'],
  ['producer-topic-metrics', 'byte-total', 'org.apache.kafka.producer.topic.byte.total'],
  ['producer-node-metrics', 'request-latency-avg', 'org.apache.kafka.producer.node.request.latency.avg'],
  ['app-info', 'version', 'org.apache.kafka.app.info.version'],
  ['kafka-metrics-count', 'count', 'org.apache.kafka.kafka.count.count'],
  ['ottla-producer-metrics', 'batch-fill-ratio', 'ottla.producer.batch.fill.ratio'],
  ['ottla-producer-node-metrics', 'request-latency', 'ottla.producer.node.request.latency'],
])('%s, %s is pushed as %s', (group, name, told) => {
  expect(telemetryName({ group, name })).toBe(told)
})

test('tags are in snake case, without the client id', () => {
  expect(telemetryAttributes({ 'client-id': 'c', 'node-id': 'node-1', topic: 'A-b' })).toEqual([
    ['node_id', 'node-1'],
    ['topic', 'A-b'],
  ])
})

/** Field by field, as protoc would write them; compared with Kafka's own reader of OTLP in test/kafka/telemetry.test.ts. */
test('the bytes of a counter', () => {
  const bytes = writeMetricsData([metric({})], options)

  const point = [
    '11 80841e0000000000', // start_time_unix_nano, 2 ms
    '19 c0c62d0000000000', // time_unix_nano, 3 ms
    '21 0000000000001c40', // as_double, 7
  ]
  const data = ['0a 1b', ...point, '10 02', '18 01'] // data_points, cumulative, monotonic
  const name = Buffer.from('org.apache.kafka.producer.record.send.total').toString('hex')
  const unit = Buffer.from('{record}').toString('hex')
  const own = ['0a 2b', name, '1a 08', unit, '3a 21', ...data] // name, unit, sum
  const scope = ['0a 0a', '0a 05', Buffer.from('ottla').toString('hex'), '12 01', '31'] // name and version
  const scopeMetrics = [...scope, '12 5a', ...own]
  const resourceMetrics = ['0a 00', '12 68', ...scopeMetrics] // no attributes
  const expected = ['0a 6c', ...resourceMetrics].join('').replaceAll(' ', '')
  expect(bytes.toString('hex')).toBe(expected)
})

test('NaN is left out, and what is not wanted; what is left is still a message', () => {
  const nothing = writeMetricsData([], options)

  expect(writeMetricsData([metric({ type: 'gauge', value: Number.NaN })], options)).toEqual(nothing)
  expect(writeMetricsData([metric({})], { ...options, isWanted: () => false })).toEqual(nothing)
})

test.each([0, 1, 127, 128, 300, 2 ** 31, 2 ** 32 + 1, 2 ** 53 - 1])('a varint of %d', value => {
  const bytes = new ProtobufWriter().varint(1, value).written().subarray(1)

  let read = 0n
  for (const [index, byte] of bytes.entries()) read |= BigInt(byte & 0x7f) << BigInt(index * 7)
  expect(Number(read)).toBe(value)
  expect([...bytes].every((byte, index) => byte >= 128 === index < bytes.length - 1)).toBe(true)
})

test('text of any length and script is whole', () => {
  for (const text of ['', 'é', '🚀'.repeat(100), 'x'.repeat(5000)]) {
    const bytes = new ProtobufWriter().text(1, text).written()
    expect(bytes.subarray(-Buffer.byteLength(text) || bytes.length).toString()).toBe(text)
  }
})

test('growth: what was acknowledged is not told again, what was not is', () => {
  const growth = new Growth(100)
  const at = (value: number, now: number) => {
    growth.begin()
    return growth.of(metric({ value }), value, now)
  }

  expect(at(5, 200)).toEqual({ value: 5, since: 100 })
  growth.acknowledged()
  expect(at(8, 300)).toEqual({ value: 3, since: 200 })
  expect(at(9, 400)).toEqual({ value: 4, since: 200 }) // the push before was not acknowledged
  growth.acknowledged()
  expect(at(9, 350)).toEqual({ value: 0, since: 350 }) // the clock was set back
  growth.reset()
  expect(at(9, 500)).toEqual({ value: 9, since: 100 })
})

test('growth: what was left out of a push has not been told', () => {
  const growth = new Growth(100)
  growth.begin()
  growth.of(metric({}), 5, 200)
  growth.begin()
  growth.acknowledged()
  growth.begin()

  expect(growth.of(metric({}), 6, 300)).toEqual({ value: 6, since: 100 })
})

test('growth of a histogram is that of each bucket', () => {
  const growth = new Growth(0)
  const histogram = (counts: readonly number[], count: number, sum: number): Histogram => ({
    ...{ count, sum, buckets: counts.map((own, index) => ({ le: index + 1, count: own })) },
  })
  growth.begin()
  growth.of(metric({}), histogram([1, 2], 3, 10), 1)
  growth.acknowledged()
  growth.begin()

  expect(growth.of(metric({}), histogram([1, 4], 6, 25), 2).value).toEqual(histogram([0, 2], 3, 15))
})
