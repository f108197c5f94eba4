import { expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import {
  createProducer,
  type KafkaError,
  type Producer,
  type ProducerOptions,
  type SentRecord,
} from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

async function setting(options: Partial<ProducerOptions> = {}) {
  const broker = await startBroker({ topics: { mine: { partitions: 1 } } })
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...options })
  const errors: KafkaError[] = []
  producer.on('error', error => errors.push(error))
  return {
    broker,
    producer,
    errors,
    async [Symbol.asyncDispose]() {
      await producer.close()
      await broker.close()
    },
  }
}

const valuesIn = (broker: Broker) => broker.records('mine').map(({ value }) => String(value))
const turn = () => new Promise(resolve => setImmediate(resolve))

const no = () => {
  throw new Error('no')
}
const later = async () => {
  throw new Error('later')
}

for (const [what, callback] of [
  ['throws', no],
  ['rejects', later],
] as const)
  test.each([{ state: 'unknown' }, { state: 'known' }])(
    `a callback that ${what} harms no other record, and is reported (topic $state)`,
    async ({ state }) => {
      await using it = await setting()
      if (state === 'known') await it.producer.send({ topic: 'mine', value: 'first' })
      const told: string[] = []

      it.producer.send({ topic: 'mine', value: 'a' }, () => void told.push('a'))
      it.producer.send({ topic: 'mine', value: 'b' }, callback)
      it.producer.send({ topic: 'mine', value: 'c' }, () => void told.push('c'))
      const { offset } = await it.producer.send({ topic: 'mine', value: 'd' })
      await turn()

      expect(told).toEqual(['a', 'c'])
      expect(offset).toBe(state === 'known' ? 4n : 3n)
      expect(valuesIn(it.broker).slice(-4)).toEqual(['a', 'b', 'c', 'd'])
      expect(it.errors.map(({ code }) => code)).toEqual(['CALLBACK_FAILED'])
      expect(it.errors[0]!.cause).toMatchObject({ message: what === 'throws' ? 'no' : 'later' })
    },
  )

test.each([
  { what: 'throws', callback: no },
  { what: 'rejects', callback: later },
])('a callback that $what about a record that was refused is reported', async ({ callback }) => {
  await using it = await setting()
  it.producer.send({ topic: 'no topic' }, callback)
  await turn()
  await turn()
  expect(it.errors.map(({ code }) => code)).toEqual(['CALLBACK_FAILED'])
})

test('a callback may send, flush and close', async () => {
  await using it = await setting()
  const { producer } = it
  const flushed = new Promise((resolve, reject) =>
    producer.send({ topic: 'mine', value: 'a' }, () => {
      producer.send({ topic: 'mine', value: 'b' })
      producer.flush().then(resolve, reject)
    }),
  )
  await flushed
  expect(valuesIn(it.broker)).toEqual(['a', 'b'])

  const closed = new Promise((resolve, reject) =>
    producer.send({ topic: 'mine', value: 'c' }, () => {
      producer.close().then(resolve, reject)
    }),
  )
  const alsoSent = producer.send({ topic: 'mine', value: 'd' })
  await closed
  expect((await alsoSent).offset).toBe(3n)
  expect(producer.state).toBe('closed')
})

test('an interceptor sees the same object for a record each time, with topic, partition and time, and then the end', async () => {
  const begun: SentRecord[] = []
  const ended: { sent: SentRecord; code: string | undefined; partition: number | undefined }[] = []
  let closedAfter = -1
  const it = await setting({
    ...{ clientId: 'p', deliveryTimeoutMs: 300, requestTimeoutMs: 200, lingerMs: 0 },
    interceptors: [
      {
        onSend(record, sent) {
          expect([sent.topic, sent.partition]).toEqual(['', undefined])
          begun.push(sent)
          return record
        },
        onAcknowledgement: (error, _, sent) => void ended.push({ sent, code: error?.code, partition: sent.partition }),
        close: () => {
          closedAfter = ended.length
        },
      },
    ],
  })

  await it.producer.send({ topic: 'mine', value: 'a' })
  const refused = it.producer.send({ topic: 'mine', value: 'b', timestamp: -5 })
  await refused.catch(() => {})
  await it.broker.stop(1)
  await it.producer.send({ topic: 'mine', value: 'c' }).catch(() => {})
  await it.producer.close()
  const late = it.producer.send({ topic: 'mine', value: 'd' })
  await late.catch(() => {})
  await it.broker.close()

  expect(ended.map(({ code, partition }) => [code, partition])).toEqual([
    [undefined, 0],
    ['INVALID_TIMESTAMP', undefined],
    ['DELIVERY_TIMEOUT', 0],
    ['CLOSED', undefined],
  ])
  expect(ended.slice(0, 3).map(({ sent }) => sent)).toEqual(begun)
  for (const [index, { sent }] of ended.slice(0, 3).entries()) expect(sent).toBe(begun[index])
  for (const { sent } of ended) expect(sent).toMatchObject({ clientId: 'p', topic: 'mine' })
  expect(ended[2]!.sent.elapsedMs).toBeGreaterThanOrEqual(300)
  expect(closedAfter).toBe(3)
})

test('a close of an interceptor that throws is reported, and closes the producer all the same', async () => {
  const it = await setting({ interceptors: [{ onSend: record => record, close: no }] })

  await it.producer.close()
  await it.broker.close()

  expect(it.errors.map(({ code, message }) => [code, message])).toEqual([
    ['INTERCEPTOR_FAILED', 'close of an interceptor threw'],
  ])
})

for (const [what, fail] of [
  ['throws', no],
  ['rejects', later],
] as const) {
  test(`an interceptor that ${what} leaves the record as it was; the next one still sees it`, async () => {
    const seen: unknown[] = []
    await using it = await setting({
      interceptors: [
        { onSend: fail as never, onAcknowledgement: fail },
        {
          onSend: record => ({ ...record, headers: { seen: 'yes' } }),
          onAcknowledgement: (error, metadata) => void seen.push(error ?? metadata?.offset),
        },
      ],
    })

    await it.producer.send({ topic: 'mine', value: 'a' })
    const refused = await it.producer.send({ topic: 'mine', value: 'b', partition: -1 }).catch(error => error)
    await turn()

    expect(it.broker.records('mine').map(({ headers }) => headers.map(([name]) => name))).toEqual([['seen']])
    expect(seen).toEqual([0n, refused])
    expect(it.errors.map(({ code }) => code)).toEqual(Array(4).fill('INTERCEPTOR_FAILED'))
  })

  test(`a listener of 'undelivered' that ${what} is reported, and the event goes on`, async () => {
    await using it = await setting()
    const heard: string[] = []
    it.producer.on('undelivered', fail)
    it.producer.on('undelivered', ({ error }) => void heard.push(error.code))
    it.producer.send({ topic: 'no topic' })
    await it.producer.send({ topic: 'mine', value: 'a' })
    await turn()
    expect(it.errors.map(({ code }) => code)).toEqual(['CALLBACK_FAILED'])
    // A listener that throws keeps the event from those behind it, as everywhere in Node.
    expect(heard).toEqual(what === 'throws' ? [] : ['INVALID_TOPIC'])
  })

  test(`a listener of 'error' that ${what} is nobody's problem`, async () => {
    await using it = await setting()
    let calls = 0
    it.producer.on('error', () => {
      calls++
      return fail()
    })
    it.producer.send({ topic: 'mine', value: 'a' }, no)
    await it.producer.send({ topic: 'mine', value: 'b' })
    for (let turns = 0; turns < 5; turns++) await turn()
    expect(calls).toBe(1)
    expect(valuesIn(it.broker)).toEqual(['a', 'b'])
  })
}

test('what nobody listens to is not thrown', async () => {
  await using broker = await startBroker()
  await using producer: Producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  producer.send({ topic: 'no topic' })
  producer.send({ topic: 'mine', value: 'a' }, no)
  await producer.send({ topic: 'mine', value: 'b' })
  await turn()
  expect(producer.metrics()['record-undelivered-total']).toBe(1)
})

test('a partitioner is called once a record, with a copy of the key', async () => {
  const calls: string[] = []
  await using broker = await startBroker({ topics: { mine: { partitions: 4 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    partitioner: ({ topic, key, partitionCount, availablePartitions }) => {
      calls.push(`${topic} ${key && Buffer.from(key)} ${partitionCount} ${availablePartitions.length}`)
      key?.fill(0)
      return 3
    },
  })
  await producer.send({ topic: 'mine', key: 'k', value: 'a' })
  await producer.send({ topic: 'mine', value: 'b' })
  await producer.send({ topic: 'mine', key: 'k', value: 'c', partition: 1 })
  expect(calls).toEqual(['mine k 4 4', 'mine null 4 4'])
  expect(broker.records('mine', 3).map(({ key }) => key && String(key))).toEqual(['k', null])
})
