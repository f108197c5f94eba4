import { setImmediate as turn } from 'node:timers/promises'
import { seededRandom } from '../../src/base/random.ts'
import { CommitUnknownError, KafkaError, type RecordMetadata, type TransactionalProducer } from '../../src/index.ts'

/** One record, and where it was told to stand. */
export interface SentRecord {
  readonly topic: string
  readonly value: string
  metadata?: RecordMetadata
  error?: unknown
}

/** A transaction as its producer saw it. */
export interface RunTransaction {
  readonly number: number
  /** Where it is aborted on purpose; undefined: it is to be committed. */
  readonly abortedAt: Step | undefined
  readonly records: SentRecord[]
  /** The offset of the group that it commits, if any; how that went shows in the end. */
  offset: number | undefined
  /** `unknown`: another producer had to take over before the cluster answered whether it was committed. */
  outcome: 'committed' | 'aborted' | 'unknown' | undefined
  /** What ended it where it was to be committed, and was not. */
  error?: KafkaError
}

/** How far a transaction has come. `asked`: all its records are acknowledged, and EndTxn is under way. */
export type Step = 'begun' | 'sending' | 'sent' | 'acknowledged' | 'offsets' | 'ending' | 'asked'
const abortSteps: readonly Step[] = ['begun', 'sending', 'sent', 'acknowledged', 'offsets']

export interface WorkloadOptions {
  readonly seed: number
  readonly topics: readonly string[]
  readonly partitions: number
  readonly groupId: string
  /** A producer with the transactional id; more than once where one can do no more. */
  createProducer(): TransactionalProducer
  /** Is told of each step, and may hold the transaction there, before its end is asked. */
  onStep(transaction: number, step: Step): void | Promise<void>
}

class AbortedOnPurpose extends Error {}

/**
 * Runs transactions of 1 to 50 records over some topics, one after the other, and keeps what became of each. One in five is
 * aborted at a random step, one in three commits an offset of a consumer group. It does what the documents tell users to: what has timed out is
 * called again, what is abortable aborted, and after a fatal error a new producer with the same transactional id goes on.
 */
export class TransactionWorkload {
  readonly transactions: RunTransaction[] = []
  /** How often commitTransaction() could not tell yet. */
  commitsUnknown = 0
  /** How often any call had to be made again, since its wait was over. */
  timeouts = 0
  producers = 0
  /** What no user would expect. */
  readonly surprises: string[] = []
  readonly #options: WorkloadOptions
  readonly #random: () => number
  #producer: TransactionalProducer | undefined

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
  }

  async run(): Promise<void> {
    const number = this.transactions.length
    const abortedAt = this.#random() < 0.2 ? this.#oneOf(abortSteps) : undefined
    const count = 1 + this.#upTo(50)
    const hasOffsets = abortedAt === 'offsets' || this.#random() < 1 / 3
    const transaction: RunTransaction = {
      ...{ number, abortedAt, records: [], outcome: undefined },
      offset: hasOffsets ? number + 1 : undefined,
    }
    this.transactions.push(transaction)
    await this.#attempt(transaction, producer => this.#steps(transaction, producer, count))
  }

  /** The last one: a record in each partition, which says that nothing comes behind it. False where it failed. */
  async runLast(): Promise<boolean> {
    const last: RunTransaction = {
      ...{ number: this.transactions.length, abortedAt: undefined, records: [], offset: undefined, outcome: undefined },
    }
    this.transactions.push(last)
    await this.#attempt(last, producer => {
      const { topics, partitions } = this.#options
      const count = topics.length * partitions
      for (const topic of topics)
        for (let partition = 0; partition < partitions; partition++) this.#send(last, producer, topic, count, partition)
    })
    return last.outcome === 'committed'
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }

  #upTo(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #oneOf<T>(items: readonly T[]): T {
    return items[this.#upTo(items.length)]!
  }

  /** Everything between begin and end. */
  async #steps(transaction: RunTransaction, producer: TransactionalProducer, count: number): Promise<void> {
    const reach = async (step: Step) => {
      await this.#options.onStep(transaction.number, step)
      if (transaction.abortedAt === step) throw new AbortedOnPurpose()
    }
    await reach('begun')
    const sends: Promise<void>[] = []
    const stopAt = this.#upTo(count)
    for (let index = 0; index < count; index++) {
      if (index === stopAt) await reach('sending')
      sends.push(this.#send(transaction, producer, this.#oneOf(this.#options.topics), count))
      if (this.#random() < 0.1) await turn() // some of it leaves
    }
    await reach('sent')
    if (transaction.abortedAt === 'acknowledged' || this.#random() < 0.5) {
      await Promise.all(sends)
      const failed = transaction.records.find(({ error }) => error !== undefined)
      if (failed) throw failed.error
      await reach('acknowledged')
    }
    if (transaction.offset !== undefined) {
      const [topic = ''] = this.#options.topics
      const committing = producer.sendOffsetsToTransaction([{ topic, partition: 0, offset: transaction.offset }], {
        groupId: this.#options.groupId,
      })
      try {
        await committing
      } catch (error) {
        if (!isTimeout(error)) throw error
        this.timeouts++ // it goes on, and is done before the transaction is committed
      }
      await reach('offsets')
    }
  }

  #send(
    transaction: RunTransaction,
    producer: TransactionalProducer,
    topic: string,
    count: number,
    partition?: number,
  ): Promise<void> {
    const { number, records } = transaction
    const record: SentRecord = { topic, value: `${number}:${records.length}:${count}` }
    records.push(record)
    const key = partition === undefined ? `key-${this.#upTo(1000)}` : null
    const given = { topic, key, value: record.value, ...(partition !== undefined && { partition }) }
    return producer.send(given).then(
      metadata => {
        record.metadata = metadata
      },
      error => {
        record.error = error
      },
    )
  }

  async #attempt(
    transaction: RunTransaction,
    work: (producer: TransactionalProducer) => void | Promise<void>,
  ): Promise<void> {
    const producer = await this.#initialized()
    try {
      producer.beginTransaction()
      await work(producer)
      await this.#commit(transaction, producer)
      transaction.outcome = 'committed'
    } catch (error) {
      if (!(error instanceof AbortedOnPurpose)) {
        if (!(error instanceof KafkaError)) throw error
        transaction.error = error
      }
      await this.#abort(transaction, producer, error)
    }
  }

  async #commit({ number, records }: RunTransaction, producer: TransactionalProducer): Promise<void> {
    for (;;) {
      const isAcknowledged = records.every(({ metadata }) => metadata !== undefined)
      const committing = producer.commitTransaction()
      committing.then(undefined, () => {}) // looked at below, in another turn
      await turn()
      void this.#options.onStep(number, isAcknowledged ? 'asked' : 'ending')
      try {
        return await committing
      } catch (error) {
        if (error instanceof CommitUnknownError && !error.fatal) this.commitsUnknown++
        else if (isTimeout(error)) this.timeouts++
        else throw error
      }
    }
  }

  async #abort(transaction: RunTransaction, producer: TransactionalProducer, because: unknown): Promise<void> {
    let error = because
    while (!(error instanceof KafkaError && error.fatal)) {
      const aborting = producer.abortTransaction()
      aborting.then(undefined, () => {})
      await turn()
      void this.#options.onStep(transaction.number, 'ending')
      try {
        await aborting
        transaction.outcome = 'aborted'
        return
      } catch (thrown) {
        if (!(thrown instanceof KafkaError)) throw thrown
        if (isTimeout(thrown)) this.timeouts++
        else if (!thrown.fatal) {
          this.surprises.push(`transaction ${transaction.number} cannot be aborted: ${thrown.message}`)
          throw thrown
        }
        error = thrown
      }
    }
    transaction.error ??= error as KafkaError
    transaction.outcome = error instanceof CommitUnknownError ? 'unknown' : 'aborted'
    this.#producer = undefined
    await producer.close()
  }

  /** The producer, or a new one that has fenced the last. */
  async #initialized(): Promise<TransactionalProducer> {
    if (this.#producer !== undefined) return this.#producer
    const producer = this.#options.createProducer()
    this.producers++
    for (;;)
      try {
        await producer.initTransactions()
        this.#producer = producer
        return producer
      } catch (error) {
        if (!isTimeout(error)) throw error
        this.timeouts++
      }
  }
}

const isTimeout = (error: unknown) => error instanceof KafkaError && error.code === 'TIMEOUT'

/** A record as a reader of committed records found it. */
export interface CommittedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly value: string
}

/** What of the log is not as the producer was told: nothing lost, doubled, out of order, of half a transaction or of an aborted one. */
export function violations(transactions: readonly RunTransaction[], log: readonly CommittedRecord[]): string[] {
  const found: string[] = []
  const places = new Map<string, CommittedRecord>()
  const newest = new Map<string, [transaction: number, index: number]>()
  const seen = new Map<number, number>()
  for (const record of log) {
    const [number = -1, index = -1] = record.value.split(':').map(Number)
    const where = `record ${index} of transaction ${number} at ${record.topic}-${record.partition}:${record.offset}`
    if (places.has(record.value)) found.push(`${where}: twice in the log`)
    places.set(record.value, record)
    seen.set(number, (seen.get(number) ?? 0) + 1)
    const partition = `${record.topic}-${record.partition}`
    const [lastNumber, lastIndex] = newest.get(partition) ?? [-1, -1]
    if (number < lastNumber || (number === lastNumber && index < lastIndex))
      found.push(`${where}: behind record ${lastIndex} of transaction ${lastNumber}`)
    newest.set(partition, [number, index])
    const sent = transactions[number]?.records[index]
    if (sent?.value !== record.value || sent.topic !== record.topic) found.push(`${where}: never sent there`)
    else if (sent.metadata === undefined) found.push(`${where}: never acknowledged`)
    else if (
      sent.metadata.partition !== record.partition ||
      (sent.metadata.hasOffset && sent.metadata.offset !== BigInt(record.offset))
    )
      found.push(`${where}: said to be at ${sent.metadata.partition}:${sent.metadata.offset}`)
  }
  for (const { number, outcome, records } of transactions) {
    const count = seen.get(number) ?? 0
    const isAsTold =
      (outcome === 'committed' && count === records.length) ||
      (outcome === 'aborted' && count === 0) ||
      (outcome === 'unknown' && (count === 0 || count === records.length))
    if (!isAsTold) found.push(`transaction ${number}, ${outcome}: ${count} of its ${records.length} records in the log`)
    const unsettled = records.filter(({ metadata, error }) => metadata === undefined && error === undefined).length
    if (unsettled > 0) found.push(`transaction ${number}, ${outcome}: ${unsettled} records have no result`)
  }
  return found
}

/** The offset that the group must have in the end: that of the last transaction with one that was committed. */
export function committedOffset(transactions: readonly RunTransaction[], log: readonly CommittedRecord[]): number {
  const seen = new Set(log.map(({ value }) => Number(value.split(':')[0])))
  return Math.max(-1, ...transactions.flatMap(({ number, offset }) => (seen.has(number) ? [offset ?? -1] : [])))
}
