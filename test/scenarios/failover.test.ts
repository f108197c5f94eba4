import { expect, test } from 'vitest'
import { createProducer, type Producer } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { type Loss, loseTheLeader } from '../kafka/lose-the-leader.ts'
import { kcatIsInstalled, scanWithConsoleConsumer } from '../kafka/read-back.ts'

/** `npm run prove:failover` sends a million; a run of all tests is content with fewer. */
const isProof = process.env.OTTLA_FAILOVER_RECORDS !== undefined
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

class Gate {
  open!: () => void
  readonly opened = new Promise<void>(resolve => {
    this.open = resolve
  })
}

/** Reads everything, with Kafka's console consumer unless it has to be quick, and says what is lost, doubled or out of order. */
async function faultsInTheLog(
  kafka: BrokerUnderTest,
  topic: string,
  quickly: boolean,
): Promise<{ count: number; faults: string[] }> {
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
  if (kafka.embedded || (quickly && kcatIsInstalled)) {
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

const losses: [Loss, number][] = [
  ['killed', 2],
  ['stopped', 1],
  ['hanging', 1],
  ['moved', 1],
]

describeOnEachBroker(
  'Failover',
  ({ kafka }) => {
    test.each(losses)(
      `${recordCount} records, and the leader of a partition is %s meanwhile (%d times): none lost, none doubled, order kept`,
      async (loss, times) => {
        const topic = await kafka.createTopic({ partitions: partitionCount })
        const ledger = new Ledger()
        const startedAt = performance.now()
        const producer = createProducer({ bootstrapServers: kafka.bootstrapServers, requestTimeoutMs: 3000 })

        // A part of the records for each loss, and in each part: a quarter while all is well, a half while the leader goes,
        // a quarter when it is gone. The next part begins when the brokers are as before.
        const part = recordCount / times
        for (let begin = 0; begin < recordCount; begin += part) {
          const lost = new Gate()
          const restored = ledger.reaches(begin + part / 4).then(() => loseTheLeader(kafka, topic, loss, lost.open))
          await sendUntil(begin + part * 0.75, producer, topic, ledger)
          await Promise.race([lost.opened, restored])
          await sendUntil(begin + part, producer, topic, ledger)
          await restored
        }
        await producer.flush()
        const sentForMs = performance.now() - startedAt

        expect(ledger.failures).toEqual([])
        expect(ledger.acknowledged).toBe(recordCount)
        const log = await faultsInTheLog(kafka, topic, loss !== 'killed' && !isProof)
        if (isProof) {
          const seconds = (sentForMs / 1000).toFixed(1)
          console.log(
            `${ledger.acknowledged} of ${recordCount} records acknowledged in ${seconds} s, the leader ${loss} ${times} times;`,
            `${log.count} in the log, ${log.faults.length} lost, doubled or out of order`,
          )
        }
        expect(log).toEqual({ count: recordCount, faults: [] })
        await producer.close()
      },
      timeoutMs,
    )
  },
  { stopsBrokers: true },
)
