import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { ConfigError, createProducer, fromProperties, type Undelivered } from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

const turns = async () => {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}

test('a record that nobody watches is told by the event, with the bytes it had when it was sent', async () => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const heard: Undelivered[] = []
  producer.on('undelivered', event => heard.push(event))
  const value = Buffer.from('before')
  producer.send({ topic: 'no topic', key: 'k', value })
  value.fill('!')
  await turns()
  expect(
    heard.map(({ key, value: own, partition, error }) => [String(key), String(own), partition, error.code]),
  ).toEqual([['k', 'before', -1, 'INVALID_TOPIC']])
  expect(producer.metrics()['record-undelivered-total']).toBe(1)
})

test('whoever looks at the future, has a callback, or sends by sendAll, is told there and not by the event', async () => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const heard: Undelivered[] = []
  producer.on('undelivered', event => heard.push(event))
  const bad = { topic: 'no topic', value: 'x' }
  const told: string[] = []
  producer.send(bad, error => told.push(`callback ${error?.code}`))
  await producer.send(bad).catch(error => told.push(`future ${error.code}`))
  await producer.sendAll([bad]).catch(error => told.push(`sendAll ${error.code}`))
  await turns()
  expect([told, heard]).toEqual([['callback INVALID_TOPIC', 'future INVALID_TOPIC', 'sendAll SEND_ALL'], []])
})

test.each(['none', 'gzip', 'lz4'] as const)('%s: what fails in a batch is read back from it', async compressionType => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, compressionType })
  await producer.send({ topic: 't', value: 'first' })
  broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')
  const heard: Undelivered[] = []
  producer.on('undelivered', event => heard.push(event))
  producer.send({ topic: 't', key: 'ä', value: null, timestamp: 7, headers: { a: ['1', null] } })
  producer.send({ topic: 't', value: '' })
  producer.send({ topic: 't', key: '', value: 'x'.repeat(300) })
  await producer.flush()
  await turns()
  expect(heard.map(({ key, value, headers, error }) => ({ key, value, headers, code: error.code }))).toEqual([
    {
      key: Buffer.from('ä'),
      value: null,
      headers: [
        ['a', Buffer.from('1')],
        ['a', null],
      ],
      code: 'TOPIC_AUTHORIZATION_FAILED',
    },
    { key: null, value: Buffer.alloc(0), headers: [], code: 'TOPIC_AUTHORIZATION_FAILED' },
    { key: Buffer.alloc(0), value: Buffer.from('x'.repeat(300)), headers: [], code: 'TOPIC_AUTHORIZATION_FAILED' },
  ])
  expect(heard[0]!.timestamp).toBe(7)
  expect((await producer.send({ topic: 't', value: 'after' })).offset).toBe(1n)
})

test('partitionerIgnoreKeys: records with keys move from partition to partition like those without', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 4 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    partitionerIgnoreKeys: true,
    batchSize: 1000,
  })
  for (let n = 0; n < 300; n++) await producer.send({ topic: 't', key: 'the same', value: 'x'.repeat(300) })
  for (let partition = 0; partition < 4; partition++) expect(broker.records('t', partition).length).toBeGreaterThan(10)
})

test('what is secret shows nowhere: not in a refusal, nor where a producer is inspected', async () => {
  const secret = 'hunter2-hunter2'
  const text = [
    'bootstrap.servers=localhost:9092',
    'security.protocol=SASL_SSL',
    `sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="me" password="${secret}";`,
    `ssl.keystore.password=${secret}`,
  ].join('\n')
  let error: unknown
  try {
    createProducer(fromProperties(text))
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ConfigError)
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret)
  expect(JSON.stringify(error)).not.toContain(secret)

  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.partitionsFor('t')
  const hold = broker.faults.hold('Produce')
  const future = producer.send({ topic: 't', value: secret })
  expect(inspect(producer, { depth: 20, showHidden: true })).not.toContain(secret)
  expect(JSON.stringify(producer)).not.toContain(secret)
  hold.release()
  await future
})
