import { beforeEach, describe, expect, test } from 'vitest'
import { KafkaError } from '../../base/errors/index.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { ProducerMeters, type TopicMeter } from './meters.ts'
import { readMetrics } from './producer-metrics.ts'

const maxIdleMs = 300_000
const windows = { samples: 2, windowMs: 30_000 }
let clock: ManualClock
let meters: ProducerMeters

beforeEach(() => {
  clock = new ManualClock({ turns: 'manual' })
  meters = new ProducerMeters(clock, windows, 16_384)
})

const read = () =>
  readMetrics({
    ...{ meters, clientId: 'c', version: '1.2.3', now: clock.now(), maxIdleMs },
    ...{ bufferTotalBytes: 1000, bufferFreeBytes: -20, requestsInFlight: 2, waitingRecords: 7, waitingForMemory: 3 },
    metadataAgeMs: 1500,
  })

const batch = (meter: TopicMeter | undefined, records: number, { plain, wire } = { plain: 1000, wire: 1000 }) => ({
  ...{ writtenCount: records, createdAt: clock.now(), length: plain, largestRecordBytes: 100 },
  ...{ wire: new Uint8Array(wire), compressionRatio: wire / plain, queue: { meter } },
})

function send(topic: string, records: number, sizes?: { plain: number; wire: number }): void {
  meters.requestSent([batch(meters.topic(topic), records, sizes)], clock.now())
}

describe('readMetrics', () => {
  test('before anything happened: totals of 0, averages and maxima of NaN, no topic and no broker', () => {
    const metrics = read()
    expect(metrics).toMatchObject({
      ...{
        'record-send-total': 0,
        'record-send-rate': 0,
        'batch-size-avg': Number.NaN,
        'request-latency-max': Number.NaN,
      },
      ...{ 'buffer-total-bytes': 1000, 'buffer-available-bytes': 0, 'requests-in-flight': 2, 'metadata-age': 1.5 },
      ...{ 'waiting-threads': 3, 'waiting-records': 7, topics: {}, brokers: {}, retries: [] },
    })
    expect(metrics.outcomes).toEqual([{ outcome: 'acknowledged', code: 'NONE', records: 0 }])
  })

  test('a request counts its batches, their records and bytes: of all, and of each topic', () => {
    const [a, b] = ['a', 'b'].map(topic => meters.topic(topic))
    meters.requestSent([batch(a, 3), batch(b, 5, { plain: 2000, wire: 500 })], clock.now())
    send('a', 2)

    expect(read()).toMatchObject({
      ...{ 'record-send-total': 10, 'records-per-request-avg': 5, 'produce-request-total': 2, 'batch-send-total': 3 },
      ...{
        'batch-byte-total': 2500,
        'batch-size-max': 1000,
        'compression-rate-avg': 0.75,
        'uncompressed-byte-total': 4000,
      },
      topics: {
        a: { 'record-send-total': 5, 'byte-total': 2000, 'compression-rate': 1 },
        b: { 'record-send-total': 5, 'byte-total': 500, 'compression-rate': 0.25, 'uncompressed-byte-total': 2000 },
      },
    })
  })

  test('the rate of the first window counts the windows that have not been yet as empty', async () => {
    send('a', 60)
    await clock.advance(10_000)
    expect(read()['record-send-rate']).toBeCloseTo(60 / 40, 2)
    await clock.advance(20_000)
    expect(read()['record-send-rate']).toBeCloseTo(60 / 30, 2)
    await clock.advance(40_000)
    expect(read()['record-send-rate']).toBe(0)
    expect(read()['record-send-total']).toBe(60)
  })

  test('a topic and a broker that were not used for long are left out, and are back with their totals', async () => {
    send('a', 2)
    meters.broker(1).traffic.sent(100, clock.now())
    await clock.advance(maxIdleMs)
    send('b', 1)
    expect(Object.keys(read().topics)).toEqual(['a', 'b'])
    expect(Object.keys(read().brokers)).toEqual(['1'])
    await clock.advance(1)
    expect(Object.keys(read().topics)).toEqual(['b'])
    expect(read().brokers).toEqual({})
    expect([...read()].some(({ tags }) => tags.topic === 'a' || tags['node-id'] === 'node-1')).toBe(false)

    send('a', 3)
    meters.broker(1).traffic.sent(50, clock.now())
    expect(read().topics.a).toMatchObject({ 'record-send-total': 5 })
    expect(read().brokers[1]).toMatchObject({ 'request-total': 2, 'outgoing-byte-total': 150 })
    expect(read()['request-total']).toBe(2)
  })

  test('records that fail for a topic that was never known leave nothing but their outcome', () => {
    const refused = new KafkaError('METADATA_TIMEOUT', 'not known', { outcome: 'not-written' })
    const lost = new KafkaError('DELIVERY_TIMEOUT', 'no answer', { outcome: 'unknown' })
    meters.failed(1, refused, undefined)
    meters.failed(2, lost, meters.topic('a'))
    meters.failed(3, lost, meters.topic('a'))
    meters.failed(0, lost, meters.topic('a'))

    const metrics = read()
    expect(Object.keys(metrics.topics)).toEqual(['a'])
    expect(metrics['record-error-total']).toBe(6)
    expect(metrics.outcomes).toEqual([
      { outcome: 'acknowledged', code: 'NONE', records: 0 },
      { outcome: 'not-written', code: 'METADATA_TIMEOUT', records: 1 },
      { outcome: 'unknown', code: 'DELIVERY_TIMEOUT', records: 5 },
    ])
  })

  test('retries are counted by cause, answers by broker, and buffer-exhausted among the failures', () => {
    const sent = batch(meters.topic('a'), 4)
    meters.retried(sent, 'NOT_LEADER_OR_FOLLOWER')
    meters.retried(sent, 'NOT_LEADER_OR_FOLLOWER')
    meters.retried(sent, 'REQUEST_TIMEOUT')
    meters.broker(1).traffic.sent(100, clock.now())
    meters.answered(meters.broker(1), 20, 0, clock.now())
    meters.answered(meters.broker(2), 40, 300, clock.now())
    meters.failed(1, new KafkaError('BUFFER_EXHAUSTED', 'full', { outcome: 'not-written' }), undefined)

    const metrics = read()
    expect(metrics.retries).toEqual([
      { cause: 'NOT_LEADER_OR_FOLLOWER', records: 8 },
      { cause: 'REQUEST_TIMEOUT', records: 4 },
    ])
    expect(metrics).toMatchObject({
      ...{
        'record-retry-total': 12,
        'request-latency-avg': 30,
        'request-latency-max': 40,
        'buffer-exhausted-total': 1,
      },
      ...{ 'produce-throttle-time-avg': 150, 'produce-throttle-time-ms-total': 300 },
    })
    expect(metrics.brokers[1]).toMatchObject({ 'request-latency-avg': 20 })
    expect(metrics.histograms['request-latency']).toMatchObject({ count: 2, sum: 60 })
  })

  test("one by one: Kafka's names in Kafka's groups, our own in groups of ours, tags by what they belong to", async () => {
    await clock.advance(5)
    send('a', 1)
    meters.broker(3).traffic.sent(100, clock.now())
    const all = [...read()]
    const found = (name: string, group: string) => all.find(metric => metric.name === name && metric.group === group)

    expect(found('record-send-total', 'producer-metrics')).toMatchObject({
      ...{ tags: { 'client-id': 'c' }, type: 'counter', unit: 'records', value: 1 },
    })
    expect(found('byte-rate', 'producer-topic-metrics')?.tags).toEqual({ 'client-id': 'c', topic: 'a' })
    expect(found('request-total', 'producer-node-metrics')?.tags).toEqual({ 'client-id': 'c', 'node-id': 'node-3' })
    expect(found('batch-send-total', 'ottla-producer-metrics')?.value).toBe(1)
    expect(found('record-queue-time', 'ottla-producer-metrics')).toMatchObject({
      type: 'histogram',
      value: { count: 1 },
    })
    expect(found('version', 'app-info')).toMatchObject({ tags: { version: '1.2.3' }, value: 1 })
    expect(found('start-time-ms', 'app-info')?.value).toBe(clock.wallTime() - 5)
    expect(found('count', 'kafka-metrics-count')?.value).toBe(all.length)
    const identities = all.map(({ group, name, tags }) => JSON.stringify([group, name, tags]))
    expect(new Set(identities).size).toBe(all.length)
  })
})
