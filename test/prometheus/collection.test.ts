import { expect, test } from 'vitest'
import { Collection, type MeasuredProducer } from '../../src/prometheus/collection.ts'
import { MockProducer, type MockProducerOptions } from '../../src/testing/index.ts'

/** As lines of the text format, without the labels that all share. */
function read(producers: Iterable<MeasuredProducer>, maxTopics = 200) {
  const collection = new Collection(() => producers, maxTopics)
  return samplesOf(collection)
}

function samplesOf(collection: Collection) {
  const samples = collection.read().flatMap(({ samples }) => samples)
  return new Map(
    samples.map(({ name, labels, value }) => [
      `${name.replace('kafka_producer_', '')} ${Object.values(labels).join(' ')}`,
      value,
    ]),
  )
}

async function sent(topics: readonly string[], options: MockProducerOptions = {}): Promise<MockProducer> {
  const producer = new MockProducer({ clientId: 'a', ...options })
  for (const topic of topics) await producer.send({ topic, value: 'v' })
  return producer
}

test('a record is there under its topic, its outcome, and the client id', async () => {
  const samples = read([await sent(['t', 't', 'u'])])

  expect(samples.get('records_acknowledged_total a t')).toBe(2)
  expect(samples.get('records_acknowledged_total a u')).toBe(1)
  expect(samples.get('record_outcomes_total a acknowledged NONE')).toBe(3)
})

test('what was never measured is left out, and is no NaN', async () => {
  const samples = read([new MockProducer({ clientId: 'a' })])

  expect([...samples.values()].filter(Number.isNaN)).toEqual([])
  expect(samples.has('metadata_age_seconds a')).toBe(false)
})

test('producers are told apart by their client id', async () => {
  const samples = read([await sent(['t']), await sent(['t', 't'], { clientId: 'b' })])

  expect(samples.get('records_acknowledged_total a t')).toBe(1)
  expect(samples.get('records_acknowledged_total b t')).toBe(2)
})

test('two with one client id are added up, but of an age the largest counts; one that is given twice counts once', async () => {
  const producers = [await sent(['t']), await sent(['t', 'u'])]
  producers[0]!.setMetric('metadata-age', 7)
  producers[1]!.setMetric('metadata-age', 5)
  const alone = read([producers[0]!])
  const samples = read([...producers, producers[1]!])

  expect(samples.get('records_acknowledged_total a t')).toBe(2)
  expect(samples.get('record_outcomes_total a acknowledged NONE')).toBe(3)
  expect(samples.get('buffer_limit_bytes a')).toBe(2 * alone.get('buffer_limit_bytes a')!)
  expect(samples.get('metadata_age_seconds a')).toBe(7)
  expect(samples.get('info a 0.1.0')).toBe(1)
  expect(samples.get('delivery_duration_seconds_count a')).toBe(3)
  expect(samples.get('delivery_duration_seconds_bucket a +Inf')).toBe(3)
})

test('topics beyond the limit are counted together', async () => {
  const topics = Array.from({ length: 1000 }, (_, index) => `topic-${index}`)
  const collection = new Collection(() => producers, 10)
  const producers = [await sent(topics)]

  const samples = samplesOf(collection)

  const shown = [...samples.keys()].filter(key => key.startsWith('records_acknowledged_total'))
  expect(shown).toHaveLength(11)
  expect(samples.get('records_acknowledged_total a (other)')).toBe(990)
  await producers[0]!.send({ topic: 'topic-0', value: 'v' })
  await producers[0]!.send({ topic: 'topic-999', value: 'v' })
  expect(samplesOf(collection).get('records_acknowledged_total a topic-0')).toBe(2)
  expect(samplesOf(collection).get('records_acknowledged_total a (other)')).toBe(991)
})

test('milliseconds and nanoseconds become seconds, bounds of buckets as well', async () => {
  const producer = await sent(['t'])
  producer.setMetric('flush-time-ns-total', 1.5e9)
  producer.setMetric('event-loop-delay-p99', 12)
  const samples = read([producer])

  expect(samples.get('flush_seconds_total a')).toBe(1.5)
  expect(samples.get('event_loop_delay_seconds a 0.99')).toBe(0.012)
  const bounds = [...samples.keys()].flatMap(key => key.match(/^delivery_duration_seconds_bucket a (.+)$/)?.[1] ?? [])
  expect(bounds.slice(0, 3)).toEqual(['0.0005', '0.001', '0.002'])
  expect(bounds.slice(-2)).toEqual(['120', '+Inf'])
})
