import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

test('a pipeline ends when everything is in the log, in order', async () => {
  await using broker = await startBroker({ topics: { lines: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const lines = Array.from({ length: 3000 }, (_, n) => `line ${n}`)
  await pipeline(Readable.from(lines), producer.writable({ topic: 'lines' }))
  expect(broker.records('lines').map(({ value }) => String(value))).toEqual(lines)
})

test('chunks may be text, bytes and records, with a topic of their own or without', async () => {
  await using broker = await startBroker({ topics: { a: { partitions: 1 }, b: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  class WithGetter {
    get value() {
      return 'by getter'
    }
  }
  const chunks = ['text', Buffer.from('bytes'), { key: 'k', value: 'record' }, { topic: 'b', value: 'elsewhere' }]
  await pipeline(Readable.from([...chunks, new WithGetter()]), producer.writable({ topic: 'a' }))
  await pipeline(Readable.from([{ topic: 'b', value: 'no default' }]), producer.writable())
  expect(broker.records('a').map(({ value }) => String(value))).toEqual(['text', 'bytes', 'record', 'by getter'])
  expect(broker.records('b').map(({ value }) => String(value))).toEqual(['elsewhere', 'no default'])
})

test('a source is not read faster than memory allows', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, bufferMemory: 100_000 })
  await producer.send({ topic: 't', value: 'first' })
  const hold = broker.faults.hold('Produce')
  let read = 0
  async function* source() {
    for (; read < 500; read++) yield 'x'.repeat(1000)
  }
  const done = pipeline(Readable.from(source()), producer.writable({ topic: 't' }))
  await broker.waitForRequest('Produce')
  for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
  // Memory for about a hundred; two streams' own buffers on top.
  expect(read).toBeLessThan(160)
  expect(producer.hasRoom).toBe(false)
  hold.release()
  await done
  expect(broker.records('t')).toHaveLength(501)
})

test('the first record that fails ends the stream with its error; what was sent before it is written', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const chunks = [
    { topic: 't', value: 'good' },
    { topic: 'no topic', value: 'bad' },
    { topic: 't', value: 'later' },
  ]
  const error = await pipeline(Readable.from(chunks), producer.writable()).catch(reason => reason)
  expect(error).toMatchObject({ code: 'INVALID_TOPIC', outcome: 'not-written' })
  await producer.flush()
  expect(String(broker.records('t')[0]!.value)).toBe('good')
  await producer.send({ topic: 't', value: 'still works' })
})

test('a chunk whose getter throws ends the stream with an error, and throws nowhere else', async () => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const chunk = {
    get value(): string {
      throw new Error('no')
    },
  }
  const error = await pipeline(Readable.from([chunk]), producer.writable({ topic: 't' })).catch(reason => reason)
  expect(error).toMatchObject({ code: 'INVALID_RECORD', outcome: 'not-written', cause: { message: 'no' } })
})

test.each([
  ['text', 'x'],
  ['bytes', Buffer.from('x')],
  ['a number', 5],
  ['a record without a topic', { value: 'x' }],
])('a stream without a topic refuses %s', async (_, chunk) => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const error = await pipeline(Readable.from([chunk]), producer.writable()).catch(reason => reason)
  expect(error.code).toMatch(/^INVALID_(TOPIC|RECORD)$/)
  expect(broker.requestCount('Produce')).toBe(0)
})

test('a stream into a closed producer fails', async () => {
  await using broker = await startBroker()
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.close()
  const error = await pipeline(Readable.from(['x']), producer.writable({ topic: 't' })).catch(reason => reason)
  expect(error).toMatchObject({ code: 'CLOSED' })
})
