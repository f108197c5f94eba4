import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'
import { listen } from './listen.ts'

test('what a subscriber throws is an uncaught exception of its own, and harms no record', async () => {
  const thrown: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const note = (error: unknown) => void thrown.push((error as Error).message)
  process.on('uncaughtException', note)
  try {
    for (const channel of ['tracing:ottla:send:start', 'tracing:ottla:request:start', 'ottla:batch'])
      listen(channel, () => {
        throw new Error(channel)
      })
    await using broker = await startBroker({ topics: ['t'] })
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
    await expect(producer.send({ topic: 't', value: 'a' })).resolves.toMatchObject({ offset: 0n })
    await new Promise(setImmediate)
    expect(thrown.sort()).toEqual(['ottla:batch', 'tracing:ottla:request:start', 'tracing:ottla:send:start'])
  } finally {
    process.off('uncaughtException', note)
    for (const other of others) process.on('uncaughtException', other)
  }
})
