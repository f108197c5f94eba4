import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'

test('records for a topic that the cluster refused before are told so, each time, and get through once it is allowed', async () => {
  await using broker = await startBroker({ topics: { secret: {} } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, retryBackoffMs: 1 })
  const refusal = broker.faults.failBefore('Metadata', 'TOPIC_AUTHORIZATION_FAILED', { topic: 'secret', times: 1000 })
  const refused = { code: 'TOPIC_AUTHORIZATION_FAILED', outcome: 'not-written' }

  await expect(producer.partitionsFor('secret')).rejects.toMatchObject({ code: refused.code })
  // Known as refused by now. They once waited for a topic that nobody asked for any more, until maxBlockMs.
  for (let n = 0; n < 3; n++)
    await expect(producer.send({ topic: 'secret', value: 'x' })).rejects.toMatchObject(refused)

  refusal.remove()
  expect((await producer.send({ topic: 'secret', value: 'now' })).offset).toBe(0n)
})
