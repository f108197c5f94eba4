import type { Broker } from '../../../src/broker/index.ts'
import type { ManualClock } from '../../../src/testing/index.ts'
import { apis } from '../../../src/wire/protocol/index.ts'
import { batchOf, produce } from '../produce-call.ts'
import { RawConnection } from '../raw-connection.ts'
import { RawTransaction } from '../transaction-calls.ts'

const topic = 'kept'

/** A client among hostile ones: what it was told is written stays, and it is served whatever the others do. */
export class HonestClient implements AsyncDisposable {
  readonly connection: RawConnection
  readonly #broker: Broker
  readonly #clock: ManualClock
  readonly #written: string[] = []
  #rounds = 0

  private constructor(connection: RawConnection, broker: Broker, clock: ManualClock) {
    this.connection = connection
    this.#broker = broker
    this.#clock = clock
  }

  static async open(broker: Broker, clock: ManualClock): Promise<HonestClient> {
    // Its own settings, since others may change those of the broker.
    const config = {
      'retention.ms': -1,
      'retention.bytes': -1,
      'cleanup.policy': 'delete',
      'min.insync.replicas': 1,
      'max.message.bytes': 1_048_588,
      'message.timestamp.type': 'CreateTime',
    }
    broker.createTopic(topic, { partitions: 1, config })
    return new HonestClient(await RawConnection.open(broker), broker, clock)
  }

  /** Produces, fetches, commits in a group and in a transaction, while time goes on. What is wrong, or nothing. */
  async check(): Promise<string[]> {
    let isOver = false
    const checked = this.#check().finally(() => {
      isOver = true
    })
    for (let turns = 0; !isOver; turns++) {
      await new Promise(resolve => setImmediate(resolve))
      if (turns % 20 === 0) this.#clock.advance(1)
      if (turns > 100_000) return ['an honest client is not served']
    }
    return checked
  }

  async #check(): Promise<string[]> {
    const round = ++this.#rounds
    const values = Array.from({ length: 20 }, (_, index) => `round ${round}, record ${index}`)
    const records = batchOf(values, { timestamp: this.#clock.wallTime() })
    const { errorCode } = await produce(this.connection, { topic, records })
    if (errorCode !== 0) return [`an honest record is answered with error ${errorCode}`]
    this.#written.push(...values)
    return [
      ...(await this.#transaction(round)),
      ...this.#readBack(),
      ...(await this.#fetch()),
      ...(await this.#group()),
    ]
  }

  async #transaction(round: number): Promise<string[]> {
    const transaction = new RawTransaction(this.connection, this.connection, 'honest')
    transaction.wallTime = () => this.#clock.wallTime()
    await transaction.init()
    const added = await transaction.add(topic, [0])
    if (added[0] !== 0) return [`a partition is not added to an honest transaction: error ${added[0]}`]
    const value = `round ${round}, in a transaction`
    const { errorCode } = await transaction.produce([value], {}, topic)
    if (errorCode !== 0) return [`an honest transactional record is answered with error ${errorCode}`]
    await transaction.endCompletely(this.#broker, true)
    this.#written.push(value)
    return []
  }

  #readBack(): string[] {
    const found = this.#broker.records(topic, 0).map(({ value }) => value?.toString())
    return found.join('\n') === this.#written.join('\n')
      ? []
      : [`${this.#written.length} honest records were acknowledged, ${found.length} are there, or others`]
  }

  async #fetch(): Promise<string[]> {
    const { responses } = await this.connection.call(apis.fetch, 11, {
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 24, isolationLevel: 1 },
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 2 ** 24 }] }],
    })
    const { errorCode, records } = responses[0]!.partitions[0]!
    const text = Buffer.from(records ?? []).toString('latin1')
    const missing = this.#written.filter(value => !text.includes(value))
    return errorCode === 0 && missing.length === 0 ? [] : [`a fetch gives error ${errorCode}, lacks ${missing.length}`]
  }

  async #group(): Promise<string[]> {
    const joining = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer' }
    const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
    const group = { groupId: 'honest', ...joining, memberId: '', protocols }
    const { memberId, generationId, errorCode } = await this.connection.call(apis.joinGroup, 3, group)
    if (errorCode !== 0) return [`an honest member is answered with error ${errorCode}`]
    const assignments = [{ memberId, assignment: Buffer.from('all') }]
    const member = { groupId: 'honest', generationId, memberId }
    const synced = await this.connection.call(apis.syncGroup, 3, { ...member, assignments })
    const partitions = [{ partitionIndex: 0, committedOffset: BigInt(this.#written.length), committedMetadata: '' }]
    const commit = {
      groupId: 'honest',
      memberId,
      generationIdOrMemberEpoch: generationId,
      topics: [{ name: topic, partitions }],
    }
    const committed = await this.connection.call(apis.offsetCommit, 7, commit)
    const errors = [synced.errorCode, committed.topics[0]!.partitions[0]!.errorCode]
    const left = await this.connection.call(apis.leaveGroup, 2, { groupId: 'honest', memberId })
    return [...errors, left.errorCode].every(code => code === 0) ? [] : [`an honest group is answered with ${errors}`]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]()
  }
}
