import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProducer, type RequestMessage, type SendMessage } from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { startBrokerThread } from '../blocking/broker-thread.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { acknowledged, traced } from './listen.ts'

expectNothingUnhandled()

let broker: BrokerInThread
beforeAll(async () => {
  broker = await startBrokerThread({ topics: ['t'] })
})
afterAll(() => broker.close())

test('while the thread is blocked nothing is published; then all of it, in order and with the times that were', async () => {
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.connect()
  const sends = traced<SendMessage>('ottla:send')
  const requests = traced<RequestMessage>('ottla:request')

  for (let n = 0; n < 3; n++) producer.send({ topic: 't', value: 'v' }).get()
  const blockedUntil = Date.now()
  expect([...sends.values()].map(life => life.join())).toEqual(Array(3).fill('start,end'))
  expect(requests.size).toBe(0)
  for (const later = Date.now() + 50; Date.now() < later; );
  await new Promise(setImmediate)

  expect([...sends.values()]).toEqual(Array(3).fill(acknowledged))
  expect([...requests.values()]).toEqual(Array(3).fill(acknowledged))
  for (const { startedAt, durationMs } of [...sends.keys(), ...requests.keys()])
    expect(startedAt + durationMs!).toBeLessThanOrEqual(blockedUntil + 2)
})
