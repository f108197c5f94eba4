import { type Random, seededRandom } from '../../src/base/random.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { CommitUnknownError, createProducer, KafkaError, type TransactionalProducer } from '../../src/index.ts'
import { committedValues } from '../transactions/committed.ts'

type Report = 'committed' | 'aborted' | 'unknown'

/** What one seeded run did, and everything it found wrong. */
export interface TransactionRunResult {
  readonly seed: number
  readonly reports: Readonly<Record<Report, number>>
  /** Producers that were at their end, so that another had to be made. */
  readonly fatal: number
  readonly faults: readonly string[]
  readonly violations: readonly string[]
}

interface Attempt {
  readonly name: string
  /** By partition name: how many records were sent. */
  readonly sent: Map<string, number>
  offset: number | undefined
  report: Report
}

const upTo = (random: Random, limit: number) => Math.floor(random() * limit)
const oneOf = <T>(random: Random, items: readonly T[]): T => items[upTo(random, items.length)]!

const apis = [
  'FindCoordinator',
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'EndTxn',
  'Produce',
  'Produce',
] as const

const passing = [
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'CONCURRENT_TRANSACTIONS',
]
const requestTimeoutMs = 60

/** What happens by itself while transactions run, in so many milliseconds. */
type Later = (ms: number, happen: () => unknown) => void

type Kind = (broker: Broker, id: string, topics: readonly string[], random: Random, later: Later) => string

const kinds: readonly Kind[] = [
  (broker, _id, _topics, random) => {
    const [api, skip] = [oneOf(random, apis), upTo(random, 10)]
    broker.faults.loseAnswerAfterAppend(api, { skip, times: 1 + upTo(random, 2) })
    return `lose ${api}, skip ${skip}`
  },
  (broker, _id, _topics, random) => {
    const [api, skip] = [oneOf(random, apis), upTo(random, 10)]
    broker.faults.closeBefore(api, { skip, reset: random() < 0.5 })
    return `close before ${api}, skip ${skip}`
  },
  (broker, _id, _topics, random) => {
    const [api, skip, ms] = [oneOf(random, apis), upTo(random, 4), upTo(random, 2 * requestTimeoutMs)]
    const phase = random() < 0.5 ? 'before' : 'after'
    broker.faults.delay(api, ms, { skip, phase })
    return `delay ${api} ${ms} ms ${phase}, skip ${skip}`
  },
  (broker, _id, _topics, random) => {
    const [api, skip] = [oneOf(random, apis), upTo(random, 10)]
    if (random() < 0.5) broker.faults.swallowAnswer(api, { skip })
    else broker.faults.ignore(api, { skip })
    return `silence after ${api}, skip ${skip}`
  },
  (broker, _id, _topics, random) => {
    const [api, skip] = [oneOf(random, apis), upTo(random, 10)]
    broker.faults.garbage(api, { skip })
    return `garbage for ${api}, skip ${skip}`
  },
  (broker, _id, _topics, random) => {
    const api = oneOf(random, apis.slice(1, -2))
    const error = oneOf(random, passing)
    broker.faults.failBefore(api, error, { skip: upTo(random, 4), times: 1 + upTo(random, 3) })
    return `${api} is answered ${error}`
  },
  (broker, _id, _topics, random) => {
    const error = oneOf(random, ['INVALID_RECORD', 'NOT_ENOUGH_REPLICAS', 'INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE'])
    broker.faults.failBefore('Produce', error, { skip: upTo(random, 8) })
    return `Produce is answered ${error}`
  },
  (broker, _id, _topics, random) => {
    const api = oneOf(random, ['TxnOffsetCommit', 'EndTxn', 'AddPartitionsToTxn'] as const)
    broker.faults.failBefore(api, 'TRANSACTION_ABORTABLE', { skip: upTo(random, 6) })
    return `${api} is answered TRANSACTION_ABORTABLE`
  },
  (broker, id, _topics, random, later) => {
    const to = 1 + upTo(random, 3)
    later(upTo(random, 60), () => broker.moveCoordinator('transaction', id, to))
    return `the coordinator moves to ${to}`
  },
  (broker, _id, topics, random, later) => {
    const [topic, partition, to] = [oneOf(random, topics), upTo(random, 2), 1 + upTo(random, 3)]
    later(upTo(random, 60), () => broker.moveLeader(topic, partition, to))
    return `the leader of ${topic}-${partition} becomes ${to}`
  },
  (broker, id, _topics, random, later) => {
    later(upTo(random, 80), () => {
      if (broker.transactions().find(own => own.id === id)?.state === 'Ongoing') broker.expireTransaction(id)
    })
    return 'a transaction times out'
  },
  (broker, id, _topics, random, later) => {
    later(upTo(random, 80), async () => {
      const other = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: id, maxBlockMs: 1000 })
      await other.initTransactions().catch(() => {})
      await other.close({ timeoutMs: 200 })
    })
    return 'another producer takes the transactional id'
  },
  (broker, _id, _topics, random, later) => {
    const [broken, ms] = [1 + upTo(random, 3), 20 + upTo(random, 150)]
    broker.pause(broken)
    later(ms, () => broker.resume(broken))
    return `broker ${broken} pauses for ${ms} ms`
  },
  (broker, _id, _topics, random, later) => {
    const level = oneOf(random, [0, 1, 2] as const)
    later(upTo(random, 60), () => {
      broker.setTransactionVersion(level)
      broker.closeConnections()
    })
    return `transaction.version becomes ${level}`
  },
]

/** Whose transactions go through seeded faults, by a caller who does what docs/transactions.md says. */
export class TransactionLaboratory {
  readonly #broker: Broker
  #seed = 0
  #producer: TransactionalProducer | undefined
  #fatal = 0

  private constructor(broker: Broker) {
    this.#broker = broker
  }

  static async open(): Promise<TransactionLaboratory> {
    return new TransactionLaboratory(await startBroker({ brokers: 3 }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer?.close({ timeoutMs: 500 })
    await this.#broker.close()
  }

  get #id(): string {
    return `tx-${this.#seed}`
  }

  async run(seed: number): Promise<TransactionRunResult> {
    this.#seed = seed
    this.#fatal = 0
    const broker = this.#broker
    const random = seededRandom(seed)
    const topics = [`a-${seed}`, `b-${seed}`]
    for (const topic of topics) broker.createTopic(topic, { partitions: 2 })
    broker.setTransactionVersion(random() < 0.5 ? 2 : 1)
    const happening: Promise<unknown>[] = []
    const later: Later = (ms, happen) => {
      happening.push(new Promise(resolve => setTimeout(resolve, ms)).then(happen))
    }
    const faults = Array.from({ length: 2 + upTo(random, 8) }, () =>
      oneOf(random, kinds)(broker, this.#id, topics, random, later),
    )
    const attempts: Attempt[] = []
    for (let number = 0; number < 8; number++) {
      const attempt: Attempt = { name: `${number}`, sent: new Map(), offset: undefined, report: 'aborted' }
      attempts.push(attempt)
      attempt.report = await this.#oneTransaction(attempt, topics, random)
    }
    await Promise.all(happening)
    // The last word on whatever is still open.
    broker.faults.clear()
    await this.#producer?.close()
    this.#producer = undefined
    await this.#opened()
    await this.#closed()
    const violations = await this.#check(topics, attempts)
    for (const topic of topics) broker.deleteTopic(topic)
    broker.clearRequests()
    const count = (report: Report) => attempts.filter(attempt => attempt.report === report).length
    const reports = { committed: count('committed'), aborted: count('aborted'), unknown: count('unknown') }
    return { seed, reports, fatal: this.#fatal, faults, violations }
  }

  async #opened(): Promise<TransactionalProducer> {
    while (this.#producer === undefined) {
      const producer = createProducer({
        bootstrapServers: this.#broker.bootstrapServers,
        transactionalId: this.#id,
        ...{ retryBackoffMs: 1, retryBackoffMaxMs: 4, reconnectBackoffMs: 1, reconnectBackoffMaxMs: 4, lingerMs: 0 },
        ...{ requestTimeoutMs, deliveryTimeoutMs: 400, maxBlockMs: 3000, batchSize: 100 },
      })
      try {
        await producer.initTransactions()
        this.#producer = producer
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        await producer.close({ timeoutMs: 100 })
      }
    }
    return this.#producer
  }

  async #closed(): Promise<void> {
    await this.#producer?.close({ timeoutMs: 500 })
    this.#producer = undefined
  }

  async #oneTransaction(attempt: Attempt, topics: readonly string[], random: Random): Promise<Report> {
    const producer = await this.#opened()
    const isCommit = random() < 0.75
    const isHasty = random() < 0.3
    try {
      producer.beginTransaction()
      const records = upTo(random, 12)
      for (let index = 0; index < records; index++) {
        const [topic, partition] = [oneOf(random, topics), upTo(random, 2)]
        const where = `${topic}-${partition}`
        const position = attempt.sent.get(where) ?? 0
        attempt.sent.set(where, position + 1)
        const sent = producer.send({
          topic,
          partition,
          value: `${attempt.name} ${position} ${'x'.repeat(upTo(random, 30))}`,
        })
        if (random() < 0.2) await sent
        if (random() < 0.1) await new Promise(resolve => setTimeout(resolve, upTo(random, 5)))
      }
      if (random() < 0.5) {
        const offset = 1 + Number(attempt.name)
        attempt.offset = offset
        const sent = producer.sendOffsetsToTransaction([{ topic: topics[0]!, partition: 0, offset }], {
          groupId: this.#id,
        })
        if (random() < 0.5) await sent
        else sent.catch(() => {})
      }
      if (!isCommit) return await this.#abort(producer)
      await producer.commitTransaction(isHasty ? { timeoutMs: upTo(random, 100) } : {})
      return 'committed'
    } catch (error) {
      return await this.#recover(producer, error)
    }
  }

  /** What docs/transactions.md has a caller do. */
  async #recover(producer: TransactionalProducer, thrown: unknown): Promise<Report> {
    if (!(thrown instanceof KafkaError)) throw thrown
    if (thrown.fatal) return await this.#giveUp(thrown)
    try {
      if (thrown instanceof CommitUnknownError) {
        await producer.commitTransaction()
        return 'committed'
      }
      return await this.#abort(producer)
    } catch (error) {
      return await this.#recover(producer, error)
    }
  }

  async #abort(producer: TransactionalProducer): Promise<Report> {
    for (;;)
      try {
        await producer.abortTransaction()
        return 'aborted'
      } catch (error) {
        if (!(error instanceof KafkaError) || error.code !== 'TIMEOUT') throw error
      }
  }

  async #giveUp(error: KafkaError): Promise<Report> {
    this.#fatal++
    await this.#closed()
    return error instanceof CommitUnknownError ? 'unknown' : 'aborted'
  }

  async #check(topics: readonly string[], attempts: readonly Attempt[]): Promise<string[]> {
    const violations: string[] = []
    for (const topic of topics) {
      for (const partition of [0, 1]) {
        const { lastStableOffset, highWatermark } = this.#broker.partition(topic, partition)
        if (lastStableOffset !== highWatermark) violations.push(`a transaction hangs in ${topic}-${partition}`)
      }
    }
    const seen = new Map<string, number[]>()
    for (const topic of topics)
      for (const { partition, value } of await this.#committed(topic)) {
        const [name, position] = value.split(' ')
        const key = `${name} ${topic}-${partition}`
        seen.set(key, [...(seen.get(key) ?? []), Number(position)])
      }
    for (const attempt of attempts) {
      const states = [...attempt.sent].map(([where, count]) => {
        const found = seen.get(`${attempt.name} ${where}`) ?? []
        if (found.length === 0) return 'missing'
        const isWhole = found.length === count && found.every((position, index) => position === index)
        return isWhole ? 'there' : `torn in ${where}: ${found.join(' ')} of ${count}`
      })
      const distinct = [...new Set(states)]
      const wrong =
        distinct.length > 1 ||
        distinct.some(state => state.startsWith('torn')) ||
        (attempt.report === 'committed' && distinct.includes('missing')) ||
        (attempt.report === 'aborted' && distinct.includes('there'))
      if (wrong)
        violations.push(`transaction ${attempt.name} was reported ${attempt.report}, and is ${distinct.join(', ')}`)
    }
    const last = attempts.filter(({ report, offset }) => report === 'committed' && offset !== undefined).at(-1)
    const maybe = attempts.filter(({ report, offset }) => report === 'unknown' && offset !== undefined)
    const offset = this.#broker.groups().find(({ groupId }) => groupId === this.#id)?.offsets[0]?.offset
    const allowed = [last?.offset, ...maybe.map(own => own.offset)].map(own =>
      own === undefined ? undefined : BigInt(own),
    )
    if (!allowed.includes(offset))
      violations.push(`the group's offset is ${offset}, and may be ${allowed.join(' or ')}`)
    return violations
  }

  async #committed(topic: string): Promise<{ partition: number; value: string }[]> {
    return (await committedValues(this.#broker.bootstrapServers, topic, true)).map(text => {
      const at = text.indexOf(' ')
      return { partition: Number(text.slice(0, at)), value: text.slice(at + 1) }
    })
  }
}
