import { expect, test } from 'vitest'
import { KafkaError } from '../base/errors/index.ts'
import { systemClock } from '../base/time/clock.ts'
import { ProducerMeters } from '../client/metrics/meters.ts'
import { type Metric, readMetrics } from '../client/metrics/producer-metrics.ts'
import { families } from './families.ts'

/** Every metric that there can be. */
function allMetrics(): Metric[] {
  const meters = new ProducerMeters(systemClock, { samples: 2, windowMs: 30_000 }, 16_384)
  const now = systemClock.now()
  const topic = meters.topic('orders')
  topic.lastUsedAt = now
  meters.broker(1).traffic.lastUsedAt = now
  meters.retried({ writtenCount: 1, createdAt: now, queue: { meter: topic } }, 'NOT_LEADER_OR_FOLLOWER')
  meters.failed(1, new KafkaError('CLOSED', 'closed'), topic)
  const gauges = {
    bufferTotalBytes: 2,
    bufferFreeBytes: 1,
    requestsInFlight: 0,
    waitingRecords: 0,
    waitingForMemory: 0,
  }
  return [...readMetrics({ meters, now, clientId: 'a', version: '1', maxIdleMs: 1000, metadataAgeMs: 5, ...gauges })]
}

const keyOf = ({ group, name }: Metric) => `${group} ${name}`
const fed = families.flatMap(family => family.sources.map(({ group, metric }) => `${group} ${metric}`))

/** What is not exported, by the reason why. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  'Prometheus counts its series itself': ['kafka-metrics-count count'],
  'rate() of a counter, over whatever time': [
    'producer-metrics record-send-rate',
    'producer-metrics record-retry-rate',
    'producer-metrics record-error-rate',
    'producer-metrics batch-split-rate',
    'producer-metrics buffer-exhausted-rate',
    'producer-metrics bufferpool-wait-ratio',
    'producer-metrics connection-creation-rate',
    'producer-metrics connection-close-rate',
    'producer-metrics request-rate',
    'producer-metrics outgoing-byte-rate',
    'producer-metrics response-rate',
    'producer-metrics incoming-byte-rate',
    'producer-metrics network-io-rate',
    'producer-topic-metrics record-send-rate',
    'producer-topic-metrics byte-rate',
    'producer-topic-metrics record-retry-rate',
    'producer-topic-metrics record-error-rate',
    'producer-node-metrics request-rate',
    'producer-node-metrics outgoing-byte-rate',
    'producer-node-metrics response-rate',
    'producer-node-metrics incoming-byte-rate',
  ],
  'two counters, or the sum and count of a histogram, divided': [
    'producer-metrics batch-size-avg',
    'producer-metrics compression-rate-avg',
    'producer-metrics record-queue-time-avg',
    'producer-metrics request-latency-avg',
    'producer-metrics produce-throttle-time-avg',
    'producer-metrics records-per-request-avg',
    'producer-metrics request-size-avg',
    'producer-topic-metrics compression-rate',
    'producer-node-metrics request-size-avg',
    'producer-node-metrics request-latency-avg',
  ],
  'a maximum or average over the windows of metrics(), which no scrape interval fits': [
    'producer-metrics batch-size-max',
    'producer-metrics record-queue-time-max',
    'producer-metrics request-latency-max',
    'producer-metrics produce-throttle-time-max',
    'producer-metrics record-size-avg',
    'producer-metrics record-size-max',
    'producer-metrics request-size-max',
    'producer-node-metrics request-size-max',
    'producer-node-metrics request-latency-max',
  ],
  'the sum of what is exported by topic, broker, outcome or cause': [
    'producer-metrics record-send-total',
    'producer-metrics record-retry-total',
    'producer-metrics record-error-total',
    'producer-metrics request-total',
    'producer-metrics outgoing-byte-total',
    'producer-metrics response-total',
    'producer-metrics incoming-byte-total',
    'producer-metrics network-io-total',
    'ottla-producer-metrics record-acknowledged-total',
    'ottla-producer-metrics uncompressed-byte-total',
    'ottla-producer-metrics batch-byte-total',
    'ottla-producer-metrics request-latency',
  ],
}

test('every family is fed by metrics that there are, and every metric is exported or left out for a reason', () => {
  const metrics = [...new Set(allMetrics().map(keyOf))]
  const kept = Object.values(leftOut).flat()

  expect(fed.filter(key => !metrics.includes(key))).toEqual([])
  expect([...fed, ...kept].toSorted()).toEqual(metrics.toSorted())
})

test('a counter is fed by counters, and a histogram by histograms', () => {
  const types = new Map(allMetrics().map(metric => [keyOf(metric), metric.type]))

  for (const { name, type, sources } of families)
    for (const { group, metric } of sources)
      expect([name, types.get(`${group} ${metric}`)]).toEqual([name, type === 'summary' ? 'gauge' : type])
})

test('seconds come of milliseconds and nanoseconds, and of nothing else', () => {
  const units = new Map(allMetrics().map(metric => [keyOf(metric), metric.unit]))
  const divisors: Readonly<Record<string, number>> = { milliseconds: 1e3, nanoseconds: 1e9 }

  for (const { name, divisor, sources } of families)
    for (const { group, metric } of sources) {
      const unit = units.get(`${group} ${metric}`)!
      expect([name, divisor]).toEqual([name, divisors[unit]])
      expect([name, /_seconds(_total)?$/.test(name)]).toEqual([name, /seconds$/.test(unit)])
      expect([name, /_bytes(_total)?$/.test(name)]).toEqual([name, unit === 'bytes'])
    }
})

test("names are Prometheus' way: base units, _total on counters alone, each once, and help for all", () => {
  const names = families.map(({ name }) => name)

  expect(new Set(names).size).toBe(names.length)
  for (const { name, type, help } of families) {
    expect(name).toMatch(/^kafka_producer(_[a-z]+)+$/)
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    expect(name).not.toMatch(
      /(_(ms|ns|milliseconds|nanoseconds|kilobytes|gauge|counter|histogram|bucket|sum|count)(_|$))/,
    )
    expect(help).toMatch(/^[A-Z].*\.$/)
  }
})
