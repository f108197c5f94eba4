import { AggregatorRegistry, Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import { beforeEach, expect, test } from 'vitest'
import { registerMetrics, startMetricsServer } from '../../src/prometheus/index.ts'
import { MockProducer } from '../../src/testing/index.ts'

const name = 'kafka_producer_records_acknowledged_total'
let producer: MockProducer
let reads = 0

beforeEach(async () => {
  producer = new MockProducer({ clientId: 'a' })
  reads = 0
  const metrics = producer.metrics.bind(producer)
  producer.metrics = () => {
    reads++
    return metrics()
  }
  await producer.send({ topic: 't', value: 'v' })
})

test('a registry tells the same as our own server, beside what it has itself, and reads the producer once', async () => {
  const registry = new Registry()
  new Counter({ name: 'own_total', help: 'Own.', registers: [registry] }).inc(3)
  registerMetrics(registry, producer)
  // These differ from reading to reading.
  const lines = (text: string) => text.split('\n').filter(line => !/^kafka_producer_event_loop_delay|^$/.test(line))

  const text = await registry.metrics()
  expect(reads).toBe(1)
  const again = await registry.metrics()
  expect(reads).toBe(2)

  await using server = await startMetricsServer(producer, { port: 0 })
  const served = lines(await (await fetch(server.url)).text())
  expect(served.length).toBeGreaterThan(100)
  expect(lines(text).filter(line => served.includes(line))).toEqual(served)
  expect(text).toContain('own_total 3')
  expect(lines(again)).toEqual(lines(text))
})

test('default labels, JSON, single metrics and resetMetrics() of the registry work', async () => {
  const registry = new Registry()
  registry.setDefaultLabels({ app: 'shop' })
  registerMetrics(registry, producer)

  expect(await registry.getSingleMetricAsString(name)).toContain('{client_id="a",topic="t",app="shop"} 1')
  const json = await registry.getMetricsAsJSON()
  registry.resetMetrics()
  expect(await registry.getSingleMetricAsString(name)).toContain('topic="t",app="shop"} 1')
  expect(json.find(metric => metric.name === name)).toMatchObject({
    type: 'counter',
    values: [{ value: 1, labels: { client_id: 'a', topic: 't', app: 'shop' } }],
  })
})

test('a registry that speaks OpenMetrics has one _total on each counter', async () => {
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  const unregister = registerMetrics(registry, producer)

  for (let reading = 0; reading < 2; reading++) {
    const text = await registry.metrics()
    expect(text).toContain('# TYPE kafka_producer_records_acknowledged counter\n')
    expect(text).toContain(`\n${name}{client_id="a",topic="t"} 1\n`)
    expect(text).toContain('kafka_producer_delivery_duration_seconds_bucket{client_id="a",le="+Inf"} 1\n')
  }
  unregister()
  expect(registry.getMetricsAsArray()).toEqual([])
})

test('the metrics of several processes are put together as AggregatorRegistry does it', async () => {
  const registry = new Registry()
  registerMetrics(registry, producer)
  producer.setMetric('metadata-age', 3)
  const one = JSON.parse(JSON.stringify(await registry.getMetricsAsJSON()))
  producer.setMetric('metadata-age', 2)
  const other = JSON.parse(JSON.stringify(await registry.getMetricsAsJSON()))

  const text = await AggregatorRegistry.aggregate([one, other]).metrics()

  expect(text).toContain(`${name}{client_id="a",topic="t"} 2\n`)
  expect(text).toContain('kafka_producer_metadata_age_seconds{client_id="a"} 3\n')
  expect(text).toMatch(/kafka_producer_info\{client_id="a",version="[^"]+"\} 1\n/)
  expect(text).toContain('kafka_producer_delivery_duration_seconds_count{client_id="a"} 2\n')
})

test('what was put in is taken out, and nothing else', async () => {
  const registry = new Registry()
  new Counter({ name: 'own_total', help: 'Own.', registers: [registry] })
  const first = registerMetrics(registry, producer)
  registry.clear()
  const second = registerMetrics(registry, producer)

  first()
  expect(await registry.metrics()).toContain(name)
  second()
  second()
  expect(await registry.metrics()).not.toContain(name)
})

test('a second call for the same registry is refused before anything is changed', async () => {
  const registry = new Registry()
  registerMetrics(registry, producer)
  const before = registry.getMetricsAsArray().length

  expect(() => registerMetrics(registry, producer)).toThrow(expect.objectContaining({ code: 'METRICS_REGISTERED' }))
  expect(registry.getMetricsAsArray()).toHaveLength(before)
})
