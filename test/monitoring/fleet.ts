import { setTimeout as delay } from 'node:timers/promises'
import { createProducer, type Producer, type ProducerOptions, type TransactionalProducer } from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'

/** A producer that is made to fail in one way. */
interface Trouble {
  readonly options?: Partial<ProducerOptions>
  /** Records every 50 ms, and how long each is. */
  readonly records?: number
  readonly bytes?: number
  /** Nobody looks at the results. */
  readonly unwatched?: boolean
  /** Again every 150 ms until the trouble is over, or once. */
  readonly again?: boolean
  cause(broker: BrokerInThread, clientId: string): Promise<unknown>
  /** The alerts that are meant for this, and those that may come along. */
  readonly alerts: readonly string[]
  readonly besides?: readonly string[]
}

const times = Number.POSITIVE_INFINITY

/** By `clientId`, which the faults are chosen by: each is in trouble without the others. */
export const troubles: Readonly<Record<string, Trouble>> = {
  steady: { records: 100, cause: async () => {}, alerts: [] },
  failing: {
    cause: (broker, clientId) => broker.faults.failBefore('Produce', 'INVALID_RECORD', { clientId, times }),
    alerts: ['KafkaProducerRecordsFailing'],
    besides: ['KafkaProducerStalled'],
  },
  unwatched: {
    unwatched: true,
    cause: (broker, clientId) => broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED', { clientId, times }),
    alerts: ['KafkaProducerUndelivered', 'KafkaProducerRecordsFailing'],
    besides: ['KafkaProducerStalled'],
  },
  unanswered: {
    options: { requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000 },
    cause: (broker, clientId) => broker.faults.swallowAnswer('Produce', { clientId, times }),
    alerts: ['KafkaProducerOutcomeUnknown'],
    besides: [
      'KafkaProducerStalled',
      'KafkaProducerRetriesHigh',
      'KafkaProducerConnectionsFlapping',
      'KafkaProducerRecordsFailing',
    ],
  },
  retrying: {
    again: true,
    cause: (broker, clientId) => broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { clientId }),
    alerts: ['KafkaProducerRetriesHigh'],
  },
  slow: {
    cause: (broker, clientId) => broker.faults.delay('Produce', 6_000, { clientId, times }),
    alerts: ['KafkaProducerDeliverySlow'],
    besides: ['KafkaProducerStalled'],
  },
  full: {
    options: { bufferMemory: 100_000, batchSize: 10_000 },
    records: 10,
    bytes: 1_000,
    cause: (broker, clientId) => broker.faults.delay('Produce', 1_500, { clientId, times }),
    alerts: ['KafkaProducerBufferNearlyFull', 'KafkaProducerWaitingForMemory'],
    besides: ['KafkaProducerRecordsFailing', 'KafkaProducerDeliverySlow', 'KafkaProducerStalled'],
  },
  throttled: {
    cause: (broker, clientId) => broker.faults.throttle('Produce', 300, { clientId, times }),
    alerts: ['KafkaProducerThrottled'],
  },
  stalled: {
    cause: (broker, clientId) => broker.faults.hold('Produce', { clientId }),
    alerts: ['KafkaProducerStalled'],
    // What was held is told late once it is let go.
    besides: ['KafkaProducerDeliverySlow'],
  },
  flapping: {
    again: true,
    cause: (broker, clientId) => broker.faults.closeBefore('Produce', { clientId }),
    alerts: ['KafkaProducerConnectionsFlapping'],
    besides: ['KafkaProducerRetriesHigh'],
  },
  unaware: {
    cause: (broker, clientId) => broker.faults.ignore('Metadata', { clientId, times }),
    alerts: ['KafkaProducerMetadataStale'],
  },
  transactional: {
    cause: (broker, clientId) => broker.faults.failBefore('Produce', 'INVALID_RECORD', { clientId, times }),
    alerts: ['KafkaProducerTransactionsFailing'],
    besides: ['KafkaProducerRecordsFailing', 'KafkaProducerStalled'],
  },
}

export const topics = ['orders', 'clicks', 'audit'] as const

/** Producers under load, one for each trouble. */
export class Fleet implements AsyncDisposable {
  readonly producers: Map<string, Producer>
  readonly #transactional: TransactionalProducer
  readonly #broker: BrokerInThread
  readonly #timers: NodeJS.Timeout[] = []
  #trouble: NodeJS.Timeout | undefined
  #isOver = false
  #transactions: Promise<void> | undefined

  constructor(broker: BrokerInThread) {
    this.#broker = broker
    this.producers = new Map(
      Object.entries(troubles).map(([clientId, { options }]) => [
        clientId,
        createProducer(this.#with(clientId, options)),
      ]),
    )
    this.#transactional = createProducer({ ...this.#with('transactional'), transactionalId: 'transactional' })
    this.producers.set('transactional', this.#transactional)
  }

  #with(clientId: string, options: Partial<ProducerOptions> = {}): ProducerOptions {
    const { bootstrapServers } = this.#broker
    // Old metadata is to be had within seconds.
    return { bootstrapServers, clientId, metadataMaxAgeMs: 3_000, compressionType: 'gzip', ...options }
  }

  start(): void {
    for (const [clientId, { records = 5, bytes = 200, unwatched }] of Object.entries(troubles)) {
      const producer = this.producers.get(clientId)!
      if (producer === this.#transactional) continue
      producer.on('undelivered', () => {})
      let sent = 0
      const send = () => {
        for (let record = 0; record < records; record++) {
          const value = JSON.stringify({ number: sent++, padding: 'x'.repeat(bytes) })
          const given = { topic: topics[sent % topics.length]!, key: String(sent % 100), value }
          if (unwatched) producer.send(given)
          else producer.send(given, () => {})
        }
      }
      this.#timers.push(setInterval(send, 50))
    }
    this.#transactions = this.#transact()
  }

  /** One after the other; a transaction that fails is aborted, and the next begins. */
  async #transact(): Promise<void> {
    await this.#transactional.initTransactions()
    while (!this.#isOver) {
      const transfer = this.#transactional.transaction(async transaction => {
        await transaction.send({ topic: 'audit', value: 'transferred' })
      })
      await transfer.catch(() => {})
      await delay(50)
    }
  }

  async cause(): Promise<void> {
    const all = Object.entries(troubles)
    for (const [clientId, { cause }] of all) await cause(this.#broker, clientId)
    const again = all.filter(([, trouble]) => trouble.again)
    this.#trouble = setInterval(() => {
      for (const [clientId, { cause }] of again) void cause(this.#broker, clientId)
    }, 150)
  }

  async relieve(): Promise<void> {
    clearInterval(this.#trouble)
    await this.#broker.faults.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    for (const timer of [...this.#timers, this.#trouble]) clearInterval(timer)
    await this.#transactions
    await Promise.all([...this.producers.values()].map(producer => producer.close({ timeoutMs: 2_000 })))
  }
}
