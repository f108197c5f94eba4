import { expect, test } from 'vitest'
import { createProducer, type Producer } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { scanWithConsoleConsumer } from '../kafka/read-back.ts'

/** `npm run prove:failover` sends a million; a run of all tests is content with fewer. */
const recordCount = Number(process.env.OTTLA_FAILOVER_RECORDS ?? 60_000)
const partitionCount = 6
const keyCount = 1000
const timeoutMs = 10 * 60_000

/** What became of every send. */
class Ledger {
  sent = 0
  acknowledged = 0
  readonly failures: unknown[] = []
  readonly #waiting: { count: number; reached: () => void }[] = []

  /** Resolves when so many sends were acknowledged. */
  reaches(count: number): Promise<void> {
    return new Promise(reached => {
      this.#waiting.push({ count, reached })
      this.#tell()
    })
  }

  acknowledge = () => {
    this.acknowledged++
    this.#tell()
  }

  fail = (error: unknown) => {
    this.failures.push(error)
    this.#tell()
  }

  #tell(): void {
    const settled = this.acknowledged + this.failures.length
    for (const { count, reached } of this.#waiting) if (settled >= count) reached()
  }
}

/** Sends records up to number `end`, without awaiting one. A record says which key it has and how many came before with that key. */
async function sendUntil(end: number, producer: Producer, topic: string, ledger: Ledger): Promise<void> {
  for (; ledger.sent < end; ledger.sent++) {
    const key = ledger.sent % keyCount
    const value = `${key}:${Math.floor(ledger.sent / keyCount)}:${'-'.repeat(80)}`
    producer.send({ topic, key: `key-${key}`, value }).then(ledger.acknowledge, ledger.fail)
    if (!producer.hasRoom) await producer.room()
  }
}

/** Ends the leader of partition 0 while records are on their way, and has it back, with all replicas in sync. */
async function loseTheLeader(kafka: BrokerUnderTest, topic: string, how: 'kill' | 'stop'): Promise<number> {
  if (kafka.embedded) {
    const { leader } = kafka.embedded.partition(topic, 0)
    await kafka.embedded.stop(leader)
    await kafka.embedded.waitForRequest('Metadata') // those who were cut off look for the new leader
    await kafka.embedded.start(leader)
    return leader
  }
  const { cluster } = kafka
  if (!cluster) throw new Error('these brokers cannot be stopped')
  const leader = await cluster.leaderOf(topic)
  await (how === 'kill' ? cluster.killNode(leader) : cluster.stopNode(leader))
  await cluster.startNode(leader)
  await cluster.allInSync(topic)
  return leader
}

/** Reads everything and says what is wrong with it: a line for each record that is lost, doubled or out of order. */
async function faultsInTheLog(kafka: BrokerUnderTest, topic: string): Promise<{ count: number; faults: string[] }> {
  const nextOfKey = new Array<number>(keyCount).fill(0)
  const partitionOfKey = new Map<number, number>()
  const faults: string[] = []
  const look = (text: string, partition: number, offset: number) => {
    const [key = -1, position = -1] = text.split(':', 2).map(Number)
    const expected = nextOfKey[key]
    const where = `key ${key} at ${partition}:${offset}`
    if (position !== expected) faults.push(`${where}: number ${position} where ${expected} was due`)
    if ((partitionOfKey.get(key) ?? partition) !== partition) faults.push(`${where}: in another partition than before`)
    partitionOfKey.set(key, partition)
    nextOfKey[key] = position + 1
  }
  let count = 0
  if (kafka.embedded) {
    for (const { value, partition, offset } of await kafka.readBack(topic)) {
      look(String(value), partition, offset)
      count++
    }
  } else {
    count = await scanWithConsoleConsumer(kafka.bootstrapServers, topic, ({ value, partition, offset }) =>
      look(String(value), partition, offset),
    )
  }
  for (const [key, next] of nextOfKey.entries()) {
    const due = Math.ceil((recordCount - key) / keyCount)
    if (next !== due) faults.push(`key ${key}: the log ends with number ${next - 1} of ${due - 1}`)
  }
  return { count, faults }
}

describeOnEachBroker(
  'Failover',
  ({ kafka }) => {
    test.each(['kill', 'stop'] as const)(
      `${recordCount} records while the leader of a partition is lost twice (%s): none lost, none doubled, order kept`,
      async how => {
        const topic = await kafka.createTopic({ partitions: partitionCount })
        const ledger = new Ledger()
        const producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

        // Each half is sent while a leader goes; the second half waits until the first is back, so that both are lost in mid-flow.
        const lost: number[] = []
        for (const [from, to] of [
          [0, recordCount / 2],
          [recordCount / 2, recordCount],
        ] as const) {
          const loss = ledger.reaches(from + recordCount / 8).then(async () => {
            lost.push(await loseTheLeader(kafka, topic, how))
          })
          await sendUntil(to, producer, topic, ledger)
          await loss
        }
        await producer.flush()

        expect(lost).toHaveLength(2)
        expect(ledger.failures).toEqual([])
        expect(ledger.acknowledged).toBe(recordCount)
        expect(await faultsInTheLog(kafka, topic)).toEqual({ count: recordCount, faults: [] })
        await producer.close()
      },
      timeoutMs,
    )
  },
  { stopsBrokers: true },
)
