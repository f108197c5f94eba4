import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { endOffsets, until } from '../../scripts/kafka/admin.mjs'
import { lastKafka3, newestKafka } from '../../scripts/kafka/versions.mjs'
import { seededRandom } from '../../src/base/random.ts'
import { systemClock } from '../../src/base/time/clock.ts'
import { resolveOptions } from '../../src/client/producer/options.ts'
import { type FetchedRecord, TopicReader } from '../../src/client/reader/index.ts'
import { createProducer } from '../../src/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { coordinatorOf } from '../broker/transaction-calls.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { killBroker } from '../kafka/lose-the-leader.ts'
import { readCommitted } from '../kafka/read-back.ts'
import { hangingTransactions, listedTransactions } from '../kafka/transaction-tools.ts'
import {
  type CommittedRecord,
  committedOffset,
  type RunTransaction,
  type SentRecord,
  type Step,
  TransactionWorkload,
  violations,
} from '../kafka/transaction-workload.ts'

/** `npm run prove:transactions` runs 2,000 on each of four clusters; a run of all tests is content with fewer. */
const isProof = process.env.OTTLA_TRANSACTIONS !== undefined
const transactionCount = Number(process.env.OTTLA_TRANSACTIONS ?? 75)
const seed = Number(process.env.OTTLA_SEED ?? 1)
/** So many transactions for each broker that is killed, and each broker at least once. */
const perKill = Math.floor(Math.min(100, transactionCount / 3))
const partitions = 4
const brokerIds = [1, 2, 3]
const killSteps: readonly Step[] = ['begun', 'sending', 'sent', 'ending']
const overdueSteps: readonly Step[] = ['sent', 'acknowledged', 'offsets']

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

/** Topics, a transactional id and a group of its own, and transactions on them. */
class Run {
  readonly transactionalId = `tx-${randomUUID()}`
  readonly groupId = `group-${this.transactionalId}`
  readonly kafka: BrokerUnderTest
  readonly topics: readonly string[]
  readonly workload: TransactionWorkload

  private constructor(
    kafka: BrokerUnderTest,
    topics: readonly string[],
    transactionTimeoutMs: number,
    onStep: (run: Run, transaction: number, step: Step) => void | Promise<void>,
  ) {
    this.kafka = kafka
    this.topics = topics
    const { bootstrapServers } = kafka
    const { transactionalId, groupId } = this
    this.workload = new TransactionWorkload({
      ...{ seed, topics, partitions, groupId },
      // Waits end while a broker is away, so that calls have to be made again.
      createProducer: () =>
        createProducer({
          ...{ bootstrapServers, transactionalId, transactionTimeoutMs, maxBlockMs: 2000, requestTimeoutMs: 3000 },
        }),
      onStep: (transaction, step) => onStep(this, transaction, step),
    })
  }

  static async create(
    kafka: BrokerUnderTest,
    transactionTimeoutMs: number,
    onStep: (run: Run, transaction: number, step: Step) => void | Promise<void>,
  ): Promise<Run> {
    const topics = await Promise.all([1, 2, 3].map(() => kafka.createTopic({ partitions })))
    const run = new Run(kafka, topics, transactionTimeoutMs, onStep)
    // The coordinators' topics exist from now on.
    for (const [type, key] of [run.groupId, run.transactionalId].entries()) {
      await using _ = await coordinatorOf(kafka.bootstrapServers, type, key)
    }
    return run
  }

  async coordinatorId(): Promise<number> {
    const [host = '', port] = this.kafka.bootstrapServers.split(',')[0]!.split(':')
    await using any = await RawConnection.to(host, Number(port))
    return (await any.call(apis.findCoordinator, 2, { key: this.transactionalId, keyType: 1 })).nodeId
  }

  /** Ends the workload, and holds what it was told against what the cluster has. */
  async check(what: string): Promise<void> {
    const { workload, kafka, topics, transactionalId, groupId } = this
    const { bootstrapServers } = kafka
    while (!(await workload.runLast()));
    await workload.close()

    const { transactions } = workload
    const ended = (outcome: RunTransaction['outcome']) => transactions.filter(each => each.outcome === outcome)
    const due = ended('committed').flatMap(({ records }) => records)
    const log = await this.#committed([...due, ...ended('unknown').flatMap(({ records }) => records)])
    const failed = transactions.filter(({ error }) => error !== undefined)
    if (isProof) {
      console.log(
        `${transactions.length} transactions, ${what}: ${ended('committed').length} committed,`,
        `${ended('aborted').length} aborted, ${ended('unknown').length} never known; ${failed.length} failed, ${workload.producers} producers;`,
        `${workload.commitsUnknown} times CommitUnknownError, ${workload.timeouts} other time-outs;`,
        `${log.length} records read committed of ${due.length} due`,
      )
      const seen = new Set(log.map(({ value }) => Number(value.split(':')[0])))
      for (const { number, outcome, error } of failed)
        console.log(`transaction ${number}, ${outcome}, ${seen.has(number) ? '' : 'not '}in the log: ${error?.message}`)
    }
    expect(workload.surprises).toEqual([])
    expect(violations(transactions, log)).toEqual([])
    expect(await stableOffset(bootstrapServers, groupId, topics[0]!)).toBe(committedOffset(transactions, log))
    // Nothing stands behind the last transaction's records and their markers, and nothing holds readers back before.
    for (const topic of topics) {
      const last = transactions.at(-1)!.records.filter(each => each.topic === topic)
      const ends = last.map(({ metadata }) => Number(metadata!.offset) + 2)
      await until(`the last stable offsets of ${topic} are ${ends}`, async () => {
        return String(await endOffsets(bootstrapServers, topic, 'read_committed')) === String(ends)
      })
      expect(await endOffsets(bootstrapServers, topic)).toEqual(ends)
    }
    if (inject('kafka').kind === 'none') return
    await until(`kafka-transactions lists ${transactionalId} as complete`, async () => {
      return (await listedTransactions(bootstrapServers)).get(transactionalId) === 'CompleteCommit'
    })
    for (const topic of topics) expect(await hangingTransactions(bootstrapServers, topic)).toEqual([])
    if (isProof)
      console.log(
        `no hanging transaction, and the last stable offset is the end of ${topics.length * partitions} partitions`,
      )
  }

  /** What a reader of committed records gets: Kafka's own wherever it runs. */
  async #committed(records: readonly SentRecord[]): Promise<CommittedRecord[]> {
    const { bootstrapServers } = this.kafka
    const log: CommittedRecord[] = []
    for (const topic of this.topics) {
      const found =
        inject('kafka').kind === 'none'
          ? await readCommittedByOttla(bootstrapServers, topic)
          : await readCommitted(bootstrapServers, topic, records.filter(each => each.topic === topic).length)
      for (const { partition, offset, value } of found)
        log.push({ topic, partition, offset: Number(offset), value: String(value) })
    }
    return log
  }
}

/** Without Java. */
async function readCommittedByOttla(bootstrapServers: string, topic: string): Promise<FetchedRecord[]> {
  const reader = new TopicReader({
    ...resolveOptions({ bootstrapServers }),
    ...{ topic, partitions: undefined, start: { at: 'beginning' }, isolation: 'read_committed', follow: false },
    ...{ apiTimeoutMs: 10_000, clock: systemClock, random: Math.random, onNotice: () => {} },
  })
  await reader.open()
  const found: FetchedRecord[] = []
  for await (const records of reader.batches()) found.push(...records)
  await reader.close()
  return found
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
    test(
      `${transactionCount} transactions while brokers are killed in turn: committed ones are read whole, others not at all`,
      async () => {
        const run = await Run.create(kafka, 30_000, (_, ...reached) => kills.onStep(...reached))
        const allTopics = [...run.topics, '__consumer_offsets', '__transaction_state']
        const kills = new Kills(
          id => killBroker(kafka, id, allTopics),
          () => run.coordinatorId(),
        )
        const startedAt = performance.now()

        for (let number = 0; number < transactionCount; number++) {
          if (number % perKill === 0 && number + perKill <= transactionCount) await kills.prepare(number)
          await run.workload.run()
        }
        await kills.restored

        expect(kills.count).toBe(Math.floor(transactionCount / perKill))
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
        await run.check(`${kills.count} brokers killed in ${seconds} s`)
      },
      60 * 60_000,
    )

    test('transactions that outlive their time-out are aborted, and a new producer with the same id goes on', async () => {
      const overdue = new Set<number>()
      const run = await Run.create(kafka, 1000, async ({ transactionalId }, transaction, step) => {
        if (transaction % 4 !== 3 || step !== overdueSteps[(transaction >> 2) % overdueSteps.length]) return
        await using coordinator = await coordinatorOf(kafka.bootstrapServers, 1, transactionalId)
        const stateOf = async () => {
          const body = { transactionalIds: [transactionalId] }
          return (await coordinator.call(apis.describeTransactions, 0, body)).transactionStates[0]?.transactionState
        }
        await until('the coordinator knows of it', async () => (await stateOf()) === 'Ongoing')
        await until('the coordinator has aborted it', async () => (await stateOf()) === 'CompleteAbort')
        overdue.add(transaction)
      })

      for (let number = 0; number < 24; number++) await run.workload.run()

      const { transactions } = run.workload
      expect(overdue.size).toBeGreaterThan(2)
      for (const number of overdue)
        expect(transactions[number]).toMatchObject({
          outcome: 'aborted',
          error: { message: expect.stringContaining('took longer than transactionTimeoutMs') },
        })
      await run.check(`${overdue.size} took too long`)
    })
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
