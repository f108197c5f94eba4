import { setTimeout as pause } from 'node:timers/promises'
import pino from 'pino'
import { expect, test } from 'vitest'
import { createProducer, logSendResults } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'

async function leaderOf(kafka: BrokerUnderTest, topic: string): Promise<number> {
  return kafka.embedded ? kafka.embedded.partition(topic, 0).leader : await kafka.cluster!.leaderOf(topic)
}

async function kill(kafka: BrokerUnderTest, id: number): Promise<void> {
  if (kafka.embedded) await kafka.embedded.stop(id)
  else await kafka.cluster!.killNode(id)
}

async function start(kafka: BrokerUnderTest, id: number, topic: string): Promise<void> {
  if (kafka.embedded) await kafka.embedded.start(id)
  else {
    await kafka.cluster!.startNode(id)
    await kafka.cluster!.allInSync(topic)
  }
}

describeOnEachBroker(
  'Logging',
  ({ kafka }) => {
    test('a broker dies under load: twelve lines at most say what, where and how often, and none of them holds a payload', async () => {
      const topic = await kafka.createTopic({ partitions: 6 })
      const lines: Record<string, unknown>[] = []
      const logger = pino({ level: 'info' }, { write: text => void lines.push(JSON.parse(text)) })
      const producer = createProducer({ bootstrapServers: kafka.bootstrapServers, requestTimeoutMs: 3_000, logger })
      let sent = 0
      const sendFor = async (ms: number) => {
        for (const end = performance.now() + ms; performance.now() < end; await pause(10))
          for (let n = 0; n < 10; n++) producer.send({ topic, key: `canary-${sent++}`, value: 'canary' })
      }

      await sendFor(500)
      const before = lines.length
      const killed = await leaderOf(kafka, topic)
      await kill(kafka, killed)
      await sendFor(6_000)
      await start(kafka, killed, topic)
      await sendFor(2_000)
      await producer.flush()
      const during = lines.slice(before)
      await producer.close()

      expect(lines.slice(0, before).every(({ event }) => event === 'connected')).toBe(true)
      expect(during.length).toBeLessThanOrEqual(12)
      expect(during.filter(({ event, brokerId }) => event === 'broker-lost' && brokerId === killed)).not.toEqual([])
      expect(during.filter(({ event }) => event === 'leader-changed')).not.toEqual([])
      for (const line of during) expect(line).toMatchObject({ event: expect.any(String), msg: expect.any(String) })
      expect(lines.at(-1)).toMatchObject({ event: 'closed', acknowledged: sent, notWritten: 0, unknown: 0 })
      expect(JSON.stringify(lines)).not.toContain('canary')
    })

    test('results of sends: as many lines a second as stated, with the offsets of the log', async () => {
      const topic = await kafka.createTopic({ partitions: 1 })
      const lines: Record<string, unknown>[] = []
      const logger = pino({}, { write: text => void lines.push(JSON.parse(text)) })
      const producer = createProducer({
        bootstrapServers: kafka.bootstrapServers,
        interceptors: [logSendResults({ logger, maxPerSecond: 5 })],
      })

      for (let n = 0; n < 1000; n++) producer.send({ topic, value: 'x' })
      await producer.close()

      const told = lines.filter(({ event }) => event === 'acknowledged')
      const rest = lines.filter(({ event }) => event === 'more-acknowledged')
      expect(told.slice(0, 5).map(({ offset }) => offset)).toEqual(['0', '1', '2', '3', '4'])
      expect(told.length + rest.reduce((sum, { times }) => sum + (times as number), 0)).toBe(1000)
      expect(rest.length).toBeGreaterThan(0)
    })
  },
  { stopsBrokers: true },
)
