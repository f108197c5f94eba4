import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { families } from '../../src/prometheus/families.ts'
import { registerMetrics, startMetricsServer } from '../../src/prometheus/index.ts'
import { type LoadedProducers, loadedProducers } from './loaded-producers.ts'
import { checkMetrics, promtoolVersion } from './promtool.ts'

if (promtoolVersion === undefined)
  process.stderr.write(
    'SKIPPED: promtool did not check the page of metrics: it is not installed (Debian: prometheus)\n',
  )

let loaded: LoadedProducers
let page: string

beforeAll(async () => {
  loaded = await loadedProducers()
  await using server = await startMetricsServer([loaded.producer, loaded.transactional], { port: 0 })
  page = await (await fetch(server.url)).text()
})
afterAll(async () => {
  await loaded?.[Symbol.asyncDispose]()
})

/** The sum of a family's samples whose labels are among these. */
function sum(name: string, labels = ''): number {
  const lines = page.split('\n').filter(line => line.startsWith(`${name}{`) && line.includes(labels))
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
}

test('producers that have met everything show every family, each once', () => {
  const shown = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name, type }))

  expect(shown).toEqual(families.map(({ name, type }) => ({ name, type })))
  for (const { name } of families)
    expect([name, new RegExp(`^${name}(_bucket)?\\{client_id="shop"`, 'm').test(page)]).toEqual([name, true])
})

test('the numbers are those of what was done', () => {
  const outcomes = 'kafka_producer_record_outcomes_total'

  expect(sum('kafka_producer_records_acknowledged_total', 'client_id="shop"')).toBe(600)
  expect(sum('kafka_producer_records_acknowledged_total', 'topic="audit.log"')).toBe(100)
  expect(sum(outcomes, 'client_id="shop",outcome="acknowledged",code="NONE"')).toBe(600)
  expect(sum(outcomes, 'code="TOPIC_AUTHORIZATION_FAILED"')).toBe(1)
  expect(sum(outcomes, 'code="RECORD_TOO_LARGE"')).toBe(2)
  expect(sum('kafka_producer_record_retries_total', 'cause="NOT_ENOUGH_REPLICAS"')).toBeGreaterThan(0)
  expect(sum('kafka_producer_transactions_total', 'client_id="till",result="committed"')).toBe(1)
  expect(sum('kafka_producer_transactions_total', 'client_id="till",result="aborted"')).toBe(1)
  expect(sum('kafka_producer_delivery_duration_seconds_count', 'client_id="shop"')).toBe(600)
})

test('buckets rise to the count of their histogram', () => {
  const buckets = new Map<string, number[]>()
  for (const [, name, labels, value] of page.matchAll(/^(\w+)_bucket\{(.*),le="[^"]+"\} (\S+)$/gm)) {
    const key = `${name}_count{${labels}}`
    buckets.set(key, [...(buckets.get(key) ?? []), Number(value)])
  }

  expect(buckets.size).toBeGreaterThanOrEqual(12)
  for (const [key, counts] of buckets) {
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
    expect([key, page.includes(`\n${key} ${counts.at(-1)}\n`)]).toEqual([key, true])
  }
})

test('a line has the labels of its family, and no partition', () => {
  const names = new Set([...page.matchAll(/[{,](\w+)="/g)].map(([, name]) => name))

  expect([...names].toSorted()).toEqual(
    [
      'broker',
      'cause',
      'client_id',
      'code',
      'le',
      'operation',
      'outcome',
      'quantile',
      'result',
      'topic',
      'version',
    ].toSorted(),
  )
})

describe.skipIf(promtoolVersion === undefined)('promtool check metrics', () => {
  test('finds nothing wrong with our page', () => {
    expect(checkMetrics(page)).toBe('')
  })

  test('finds nothing wrong with that of a registry of prom-client', async () => {
    const registry = new Registry()
    registerMetrics(registry, [loaded.producer, loaded.transactional])

    expect(checkMetrics(await registry.metrics())).toBe('')
  })

  test('would find a name that is wrong', () => {
    expect(checkMetrics(page.replaceAll('kafka_producer_connections_created_total', 'kafka_producer_made'))).toContain(
      'kafka_producer_made',
    )
  })
})
