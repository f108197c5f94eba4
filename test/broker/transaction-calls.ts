import { errorNumber } from '../../src/base/errors/index.ts'
import type { Broker } from '../../src/broker/index.ts'
import { apis, type Draft } from '../../src/wire/protocol/index.ts'
import { batchOf, type ProducePartition } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

export const code = (name: string): number => errorNumber(name)

/** What ends by itself: a transaction that is being completed, a coordinator that has only just been elected. */
const passing = new Set(
  ['CONCURRENT_TRANSACTIONS', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'].map(code),
)

export interface Identity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** A transactional producer that is nothing but its requests: every version and every mistake can be had. */
export class RawTransaction implements AsyncDisposable {
  /** To the coordinator. */
  readonly connection: RawConnection
  /** To the leader of the topic that is written to. */
  readonly leader: RawConnection
  readonly id: string
  identity: Identity = { producerId: -1n, producerEpoch: -1 }
  /** The time of the records. */
  wallTime: () => number = Date.now
  #sequence = 0

  constructor(connection: RawConnection, leader: RawConnection, id: string) {
    this.connection = connection
    this.leader = leader
    this.id = id
  }

  static async open(broker: Broker, id = 'tx', brokerId = 1): Promise<RawTransaction> {
    const connection = await RawConnection.open(broker, brokerId)
    return new RawTransaction(connection, connection, id)
  }

  /** On any cluster: finds the coordinator and the leader of a topic's partition 0. */
  static async find(bootstrapServers: string, id: string, topic: string): Promise<RawTransaction> {
    const leader = await leaderOf(bootstrapServers, topic)
    return new RawTransaction(await coordinatorOf(bootstrapServers, 1, id), leader, id)
  }

  /** Asks until it is not CONCURRENT_TRANSACTIONS, and takes the identity over. */
  async init(version = 5, expected: Partial<Identity> = {}): Promise<this> {
    for (;;) {
      const answer = await this.tryInit(version, expected)
      if (passing.has(answer.errorCode)) continue
      if (answer.errorCode !== 0) throw new Error(`InitProducerId was answered ${answer.errorCode}`)
      this.identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
      this.#sequence = 0
      return this
    }
  }

  tryInit(version = 5, expected: Partial<Identity> = {}, transactionTimeoutMs = 60_000) {
    const body = { transactionalId: this.id, transactionTimeoutMs, ...expected }
    return this.connection.call(apis.initProducerId, version, body)
  }

  /** Has the epoch raised by as many requests as that takes, without waiting for each. */
  async raiseTo(producerEpoch: number): Promise<void> {
    const body = { transactionalId: this.id, transactionTimeoutMs: 60_000 }
    const { request, response } = apis.initProducerId
    const sent: number[] = []
    for (let epoch = this.identity.producerEpoch; epoch < producerEpoch; epoch++)
      sent.push(this.connection.send(request, 5, body))
    for (const correlationId of sent) {
      const raised = await this.connection.answer(response, 5, correlationId)
      this.identity = { producerId: raised.producerId, producerEpoch: raised.producerEpoch }
    }
    this.#sequence = 0
  }

  async add(topic = 'orders', partitions = [0], version = 3, identity = this.identity): Promise<number[]> {
    const topics = [{ name: topic, partitions }]
    const body =
      version < 4
        ? {
            v3AndBelowTransactionalId: this.id,
            v3AndBelowProducerId: identity.producerId,
            v3AndBelowProducerEpoch: identity.producerEpoch,
            v3AndBelowTopics: topics,
          }
        : { transactions: [{ transactionalId: this.id, ...identity, topics }] }
    const answer = await this.connection.call(apis.addPartitionsToTxn, version, body)
    const results = version < 4 ? answer.resultsByTopicV3AndBelow : answer.resultsByTransaction[0]!.topicResults
    // Kafka answers in any order.
    const sorted = [...results[0]!.resultsByPartition].sort((a, b) => a.partitionIndex - b.partitionIndex)
    return sorted.map(({ partitionErrorCode }) => partitionErrorCode)
  }

  /** Produces one transactional batch; the sequence goes on. */
  async produce(
    values: readonly string[],
    { version = 11, partition = 0, identity = this.identity, transactionalId = this.id as string | null } = {},
    topic = 'orders',
    topicId?: string,
  ): Promise<ProducePartition> {
    const records = batchOf(values, {
      timestamp: this.wallTime(),
      ...identity,
      baseSequence: this.#sequence,
      transactional: true,
    })
    const body: Draft<typeof apis.produce.request> = {
      transactionalId,
      acks: -1,
      timeoutMs: 20_000,
      topicData: [{ name: topic, ...(topicId && { topicId }), partitionData: [{ index: partition, records }] }],
    }
    const answer = await this.leader.call(apis.produce, version, body)
    const one = answer.responses[0]!.partitionResponses[0]!
    if (one.errorCode === 0) this.#sequence += values.length
    return one
  }

  /** Ends the transaction; from v5 on the answer's identity is taken over. */
  async end(committed: boolean, version = 4, identity = this.identity): Promise<number> {
    const body = { transactionalId: this.id, ...identity, committed }
    const answer = await this.connection.call(apis.endTxn, version, body)
    if (version >= 5 && answer.errorCode === 0) {
      this.identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
      this.#sequence = 0
    }
    return answer.errorCode
  }

  /** Ends it, asking until that is complete: a repeat of what is complete succeeds, one of what is not does not. */
  async endCompletely(broker: Broker, committed: boolean, version = 4): Promise<void> {
    const error = await this.end(committed, version)
    if (error !== 0) throw new Error(`EndTxn was answered ${error}`)
    while (stateOf(broker, this.id)?.startsWith('Prepare')) await new Promise(resolve => setImmediate(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]()
    await this.leader[Symbol.asyncDispose]()
  }
}

export const stateOf = (broker: Broker, id = 'tx') => broker.transactions().find(one => one.id === id)?.state

const addressOf = (server: string) => {
  const [host, port] = server.split(':')
  return [host!, Number(port)] as const
}

/** A connection to the coordinator of a group (0) or transactional id (1), when there is one. */
export async function coordinatorOf(bootstrapServers: string, keyType: number, key: string): Promise<RawConnection> {
  await using any = await RawConnection.to(...addressOf(bootstrapServers.split(',')[0]!))
  for (;;) {
    const found = await any.call(apis.findCoordinator, 2, { key, keyType })
    if (found.errorCode === 0) return RawConnection.to(found.host, found.port)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** A connection to the leader of partition 0. */
export async function leaderOf(bootstrapServers: string, topic: string): Promise<RawConnection> {
  await using any = await RawConnection.to(...addressOf(bootstrapServers.split(',')[0]!))
  const { topics, brokers } = await any.call(apis.metadata, 4, { topics: [{ name: topic }] })
  const { host, port } = brokers.find(({ nodeId }) => nodeId === topics[0]!.partitions[0]!.leaderId)!
  return RawConnection.to(host, port)
}
