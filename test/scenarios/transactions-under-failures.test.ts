import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { endOffsets, until } from '../../scripts/kafka/admin.mjs'
import { lastKafka3, newestKafka } from '../../scripts/kafka/versions.mjs'
import { seededRandom } from '../../src/base/random.ts'
import { createProducer } from '../../src/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { coordinatorOf } from '../broker/transaction-calls.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { killBroker } from '../kafka/lose-the-leader.ts'
import { kcatIsInstalled, readCommitted, readWithKcat } from '../kafka/read-back.ts'
import { hangingTransactions, listedTransactions } from '../kafka/transaction-tools.ts'
import {
  type CommittedRecord,
  committedOffset,
  type Step,
  TransactionWorkload,
  violations,
} from '../kafka/transaction-workload.ts'

/** `npm run prove:transactions` runs 2,000 on each of four clusters; a run of all tests is content with fewer. */
const isProof = process.env.OTTLA_TRANSACTIONS !== undefined
const transactionCount = Number(process.env.OTTLA_TRANSACTIONS ?? 150)
const seed = Number(process.env.OTTLA_SEED ?? 1)
/** So many transactions for each broker that is killed, and each broker at least once. */
const perKill = Math.floor(Math.min(100, transactionCount / 3))
const partitions = 4
const brokerIds = [1, 2, 3]
const killSteps: readonly Step[] = ['begun', 'sending', 'sent', 'ending']

/** Takes the brokers away in turn, one for each part of the transactions, at a step of one of them. */
class Kills {
  count = 0
  readonly #random = seededRandom(seed + 1)
  readonly #kill: (id: number) => Promise<void>
  readonly #coordinator: () => Promise<number>
  #restored: Promise<void> = Promise.resolve()
  #next: { id: number; transaction: number; step: Step } | undefined

  constructor(kill: (id: number) => Promise<void>, coordinator: () => Promise<number>) {
    this.#kill = kill
    this.#coordinator = coordinator
  }

  /** Before a part begins: when the brokers are as before. */
  async prepare(transaction: number): Promise<void> {
    await this.#restored
    const id = brokerIds[this.count % brokerIds.length]!
    const step = killSteps[Math.floor(this.#random() * killSteps.length)]!
    // The coordinator goes where it hurts: when it was asked to commit.
    const isCoordinator = id === (await this.#coordinator())
    const first = transaction + Math.floor((perKill / 2) * this.#random())
    this.#next = { id, transaction: first, step: isCoordinator ? 'asked' : step }
  }

  /** Not every transaction comes to each step: the first one that does. */
  onStep = (transaction: number, step: Step) => {
    const next = this.#next
    if (next === undefined || transaction < next.transaction || step !== next.step) return
    this.#next = undefined
    this.count++
    this.#restored = this.#kill(next.id)
    this.#restored.then(undefined, () => {}) // awaited before the next one
  }

  get restored(): Promise<void> {
    return this.#restored
  }
}

async function coordinatorId(bootstrapServers: string, transactionalId: string): Promise<number> {
  const [host = '', port] = bootstrapServers.split(',')[0]!.split(':')
  await using any = await RawConnection.to(host, Number(port))
  return (await any.call(apis.findCoordinator, 2, { key: transactionalId, keyType: 1 })).nodeId
}

/** What a reader of committed records gets, to the last record of each partition. */
async function committedIn(kafka: BrokerUnderTest, topics: readonly string[], count: (topic: string) => number) {
  const log: CommittedRecord[] = []
  for (const topic of topics) {
    const { bootstrapServers } = kafka
    // Kafka's own reader wherever it runs.
    const records =
      inject('kafka').kind !== 'none'
        ? await readCommitted(bootstrapServers, topic, count(topic))
        : await readWithKcat(bootstrapServers, topic, 'read_committed')
    for (const { partition, offset, value } of records) log.push({ topic, partition, offset, value: String(value) })
  }
  return log
}

/** The group's offset, once no transaction is about to change it. */
async function stableOffset(bootstrapServers: string, groupId: string, topic: string): Promise<number> {
  const body = { groups: [{ groupId, topics: [{ name: topic, partitionIndexes: [0] }] }], requireStable: true }
  let offset: number | undefined
  await until(`the offset of ${groupId} is stable`, async () => {
    await using group = await coordinatorOf(bootstrapServers, 0, groupId)
    const [found] = (await group.call(apis.offsetFetch, 8, body)).groups
    const own = found?.topics[0]?.partitions[0]
    if (found?.errorCode !== 0 || own?.errorCode !== 0) return false
    offset = Number(own.committedOffset)
    return true
  })
  return offset!
}

describeOnEachBroker(
  'Transactions under failures',
  ({ kafka }) => {
    test.skipIf(inject('kafka').kind === 'none' && !kcatIsInstalled)(
      `${transactionCount} transactions while brokers are killed in turn: committed ones are read whole, others not at all`,
      async () => {
        const { bootstrapServers } = kafka
        const transactionalId = `tx-${randomUUID()}`
        const groupId = `group-${transactionalId}`
        const topics = await Promise.all([1, 2, 3].map(() => kafka.createTopic({ partitions })))
        // Those of the coordinators exist from now on.
        for (const [type, key] of [groupId, transactionalId].entries()) {
          await using _ = await coordinatorOf(bootstrapServers, type, key)
        }
        const allTopics = [...topics, '__consumer_offsets', '__transaction_state']
        const kills = new Kills(
          id => killBroker(kafka, id, allTopics),
          () => coordinatorId(bootstrapServers, transactionalId),
        )
        const workload = new TransactionWorkload({
          ...{ seed, topics, partitions, groupId },
          // Waits end while a broker is away, so that calls have to be made again.
          createProducer: () =>
            createProducer({
              ...{ bootstrapServers, transactionalId, requestTimeoutMs: 3000, maxBlockMs: 2000 },
              transactionTimeoutMs: 30_000,
            }),
          onStep: kills.onStep,
        })

        const startedAt = performance.now()
        for (let number = 0; number < transactionCount; number++) {
          if (number % perKill === 0 && number + perKill <= transactionCount) await kills.prepare(number)
          await workload.run()
        }
        await kills.restored
        expect(await workload.runLast()).toBe(true)
        await workload.close()
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)

        const { transactions } = workload
        const committed = transactions.filter(({ outcome }) => outcome === 'committed')
        const due = committed.flatMap(({ records }) => records)
        const log = await committedIn(kafka, topics, topic => due.filter(each => each.topic === topic).length)
        const failed = transactions.filter(({ error }) => error !== undefined)
        if (isProof) {
          const ended = (outcome: string) => transactions.filter(each => each.outcome === outcome).length
          console.log(
            `${transactions.length} transactions in ${seconds} s, ${kills.count} brokers killed: ${ended('committed')} committed,`,
            `${ended('aborted')} aborted, ${ended('unknown')} never known; ${failed.length} failed, ${workload.producers} producers;`,
            `${workload.commitsUnknown} times CommitUnknownError, ${workload.timeouts} other time-outs;`,
            `${log.length} of ${due.length} records read committed`,
          )
          for (const { number, error } of failed) console.log(`transaction ${number}: ${error?.message}`)
        }

        expect(workload.surprises).toEqual([])
        expect(kills.count).toBe(Math.floor(transactionCount / perKill))
        expect(violations(transactions, log)).toEqual([])
        expect(await stableOffset(bootstrapServers, groupId, topics[0]!)).toBe(committedOffset(transactions, log))
        // Nothing stands behind the last transaction's records and their markers, and nothing holds readers back before.
        for (const topic of topics) {
          const last = due.slice(-topics.length * partitions).filter(each => each.topic === topic)
          const ends = last.map(({ metadata }) => Number(metadata!.offset) + 2)
          await until(`the last stable offsets of ${topic} are ${ends}`, async () => {
            return String(await endOffsets(bootstrapServers, topic, 'read_committed')) === String(ends)
          })
          expect(await endOffsets(bootstrapServers, topic)).toEqual(ends)
        }
        if (inject('kafka').kind !== 'none') {
          expect((await listedTransactions(bootstrapServers)).get(transactionalId)).toBe('CompleteCommit')
          for (const topic of topics) expect(await hangingTransactions(bootstrapServers, topic)).toEqual([])
        }
      },
      60 * 60_000,
    )
  },
  {
    stopsBrokers: true,
    embeddedTransactionVersions: isProof ? [2, 1, 0] : [2, 1],
    clusters: isProof
      ? [
          { version: lastKafka3 },
          { version: newestKafka, transactionVersion: 1 },
          { version: newestKafka, transactionVersion: 0 },
        ]
      : [],
  },
)
