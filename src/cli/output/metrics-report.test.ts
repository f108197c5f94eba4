import { describe, expect, test } from 'vitest'
import { producerOfPage } from '../input/producer-scrape.ts'
import { metricsReport } from './metrics-report.ts'

const scrape = (at: number, ...lines: string[]) =>
  producerOfPage(lines.map(line => `kafka_producer_${line}\n`).join(''), 'http://here', undefined, at).scrape
const report = (before: string[], now: string[], ms = 2000) =>
  metricsReport(
    'a',
    scrape(1000, 'info{client_id="a"} 1', ...before),
    scrape(1000 + ms, 'info{client_id="a"} 1', ...now),
    0,
  )

test('a counter that grew by 10 in two seconds has a rate of 5', () => {
  const line = (count: number) => `record_outcomes_total{client_id="a",outcome="acknowledged",code="NONE"} ${count}`

  expect(report([line(100)], [line(110)])).toMatchObject({
    seconds: 2,
    time: '1970-01-01T00:00:00.000Z',
    records: { acknowledged: { perSecond: 5, total: 110 } },
  })
})

test('a counter that fell began anew with its process', () => {
  const line = (count: number) => `produce_requests_total{client_id="a"} ${count}`

  expect(report([line(100)], [line(4)]).requests.sent).toEqual({ perSecond: 2, total: 4 })
})

test('failures are told by outcome and code, and together; one that is new began at 0', () => {
  const line = (outcome: string, code: string, count: number) =>
    `record_outcomes_total{client_id="a",outcome="${outcome}",code="${code}"} ${count}`
  const { failures, records } = report(
    [line('not-written', 'CLOSED', 2)],
    [line('acknowledged', 'NONE', 9), line('not-written', 'CLOSED', 2), line('unknown', 'DELIVERY_TIMEOUT', 4)],
  )

  expect(failures).toEqual([
    { outcome: 'not-written', code: 'CLOSED', records: { perSecond: 0, total: 2 } },
    { outcome: 'unknown', code: 'DELIVERY_TIMEOUT', records: { perSecond: 2, total: 4 } },
  ])
  expect(records.failed).toEqual({ perSecond: 2, total: 6 })
})

test('a topic that was idle and is told of again has no rate from before its rest', () => {
  const lines = (topic: string, count: number) => [
    `records_sent_total{client_id="a",topic="${topic}"} ${count}`,
    `sent_bytes_total{client_id="a",topic="${topic}"} ${count * 5}`,
    `uncompressed_bytes_total{client_id="a",topic="${topic}"} ${count * 10}`,
  ]
  const { topics } = report(lines('t', 10), [...lines('idle', 1_000_000), ...lines('t', 30)])

  expect(topics.map(({ topic, sent, compressionRatio }) => [topic, sent.perSecond, compressionRatio])).toEqual([
    ['t', 10, 0.5],
    ['idle', 0, null],
  ])
})

describe('percentiles', () => {
  const buckets = (labels: string, counts: readonly number[], sum: number) => [
    ...[0.001, 0.01, 0.1].map(
      (le, index) => `queue_duration_seconds_bucket{client_id="a",le="${le}"${labels}} ${counts[index]}`,
    ),
    `queue_duration_seconds_bucket{client_id="a",le="+Inf"${labels}} ${counts[3]}`,
    `queue_duration_seconds_sum{client_id="a"${labels}} ${sum}`,
    `queue_duration_seconds_count{client_id="a"${labels}} ${counts[3]}`,
  ]

  test('are of what came in between, read from buckets as Prometheus does', () => {
    const { queue } = report(buckets('', [50, 50, 50, 50], 1), buckets('', [50, 150, 150, 150], 1.5)).latencyMs

    expect(queue!.p50).toBeCloseTo(5.5)
    expect(queue!.p99).toBeCloseTo(9.91)
    expect(queue!.mean).toBeCloseTo(5)
  })

  test('beyond the last bound are that bound', () => {
    expect(report(buckets('', [0, 0, 0, 0], 0), buckets('', [0, 0, 0, 7], 7)).latencyMs.queue).toMatchObject({
      p50: 100,
    })
  })

  test('of nothing are null', () => {
    expect(report(buckets('', [1, 1, 1, 1], 0), buckets('', [1, 1, 1, 1], 0)).latencyMs.queue).toBeNull()
    expect(report([], []).latencyMs.queue).toBeNull()
  })

  test('of a process that began anew are of all it has', () => {
    const { queue } = report(buckets('', [100, 100, 100, 100], 1), buckets('', [0, 10, 10, 10], 0.05)).latencyMs

    expect(queue!.p50).toBeCloseTo(5.5)
  })
})

test('of several brokers the request times are told each and together, also when one is no longer told of', () => {
  const lines = (broker: number, fast: number, slow: number) => [
    `requests_total{client_id="a",broker="${broker}"} ${fast + slow}`,
    `request_duration_seconds_bucket{client_id="a",broker="${broker}",le="0.001"} ${fast}`,
    `request_duration_seconds_bucket{client_id="a",broker="${broker}",le="+Inf"} ${fast + slow}`,
    `request_duration_seconds_sum{client_id="a",broker="${broker}"} 1`,
    `request_duration_seconds_count{client_id="a",broker="${broker}"} ${fast + slow}`,
  ]
  const before = [...lines(1, 1000, 0), ...lines(2, 10, 0), ...lines(10, 10, 0)]
  const { brokers, latencyMs } = report(before, [...lines(10, 20, 0), ...lines(2, 12, 0)])

  expect(brokers.map(({ broker, requests }) => [broker, requests.perSecond])).toEqual([
    ['2', 1],
    ['10', 5],
  ])
  expect(latencyMs.request!.p50).toBeCloseTo(0.5)
})
