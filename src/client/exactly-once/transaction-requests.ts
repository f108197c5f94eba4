import {
  type BrokerErrorCode,
  brokerErrorCode,
  type KafkaError,
  UnsupportedVersionError,
} from '../../base/errors/index.ts'
import type { CallTarget } from '../../wire/network/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import type { PartitionQueue, ProducerIdentity } from '../accumulator/partition-queue.ts'
import { type ControlRequest, type PreparedRequest, prepareRequest, type Reaction } from './control-queue.ts'
import type { TransactionRequest } from './transaction-verdict.ts'

/** A consumer's offsets, checked, as they are sent. */
export interface CheckedOffsets {
  readonly group: {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupInstanceId: string | null
  }
  readonly offsets: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: bigint
    readonly leaderEpoch: number
    readonly metadata: string | null
  }[]
}

export interface RequestEvents {
  /** A broker is going to be asked; what it said of the cluster may be news. */
  onTarget(target: CallTarget): void
  onLost(request: TransactionRequest): void
  /** What is to become of a request that got this code. `what` names its subject. */
  decide(request: TransactionRequest, code: BrokerErrorCode, what: string): Reaction
  /** It will never be answered. */
  onFailed(error: KafkaError): void
}

type IdentityOf = () => ProducerIdentity

/** InitProducerId that goes on from an identity (KIP-360). */
const renewingFrom = 3
/** TxnOffsetCommit that checks the member (KIP-447). */
const membersFrom = 3
/** EndTxn that raises the epoch (KIP-890). */
const raisingFrom = 5
/** AddPartitionsToTxn beyond it is for brokers. */
const addPartitionsUpTo = 3

const newest = Number.MAX_SAFE_INTEGER

/** The requests of a transaction: what stands in them, and where in their answers the errors are. */
export class TransactionRequests {
  readonly #transactionalId: string
  readonly #events: RequestEvents

  constructor(transactionalId: string, events: RequestEvents) {
    this.#transactionalId = transactionalId
    this.#events = events
  }

  #request(
    name: TransactionRequest,
    groupId: string | undefined,
    prepare: (target: CallTarget) => PreparedRequest,
    failed: (error: KafkaError) => void = () => {},
  ): ControlRequest {
    const events = this.#events
    return {
      name,
      coordinator:
        groupId === undefined ? { type: 'transaction', key: this.#transactionalId } : { type: 'group', key: groupId },
      prepare: target => {
        events.onTarget(target)
        return prepare(target)
      },
      lost: sent => {
        if (sent) events.onLost(name)
      },
      failed: error => {
        events.onFailed(error)
        failed(error)
      },
    }
  }

  /** A first identity, or (`of`) a newer epoch of the one there is. */
  initProducerId(
    of: ProducerIdentity | undefined,
    transactionTimeoutMs: number,
    given: (identity: ProducerIdentity) => void,
  ): ControlRequest {
    const { producerId, producerEpoch } = of ?? { producerId: -1n, producerEpoch: -1 }
    const transactionalId = this.#transactionalId
    return this.#request('InitProducerId', undefined, target => {
      if (of !== undefined && target.versionOf(apis.initProducerId.request) < renewingFrom)
        throw new UnsupportedVersionError(
          `${target.remote} cannot renew the identity of ${transactionalId}, which the next transaction needs because something of the last one was left unknown; that takes Kafka 2.5. Make a new producer`,
        )
      const draft = () => ({ transactionalId, transactionTimeoutMs, producerId, producerEpoch })
      return prepareRequest(apis.initProducerId, target, newest, draft, answer => {
        const reaction = this.#events.decide('InitProducerId', brokerErrorCode(answer.errorCode), 'a producer id')
        if (answer.errorCode === 0) given({ producerId: answer.producerId, producerEpoch: answer.producerEpoch })
        return reaction
      })
    })
  }

  /** All partitions that are in the set when it is asked. `ended` is called in any case. */
  addPartitions(
    identity: IdentityOf,
    queues: ReadonlySet<PartitionQueue>,
    added: (queue: PartitionQueue) => void,
    ended: () => void,
  ): ControlRequest {
    return this.#request(
      'AddPartitionsToTxn',
      undefined,
      target => {
        const asked = [...queues]
        const { producerId, producerEpoch } = identity()
        const draft = () => ({
          v3AndBelowTransactionalId: this.#transactionalId,
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: byTopic(asked).map(([name, own]) => ({
            name,
            partitions: own.map(({ partition }) => partition),
          })),
        })
        return prepareRequest(apis.addPartitionsToTxn, target, addPartitionsUpTo, draft, answer => {
          const codes = new Map<string, number>()
          for (const topic of answer.resultsByTopicV3AndBelow)
            for (const { partitionIndex, partitionErrorCode } of topic.resultsByPartition)
              codes.set(`${topic.name}-${partitionIndex}`, partitionErrorCode)
          const reaction = this.#addedOf(asked, codes, added)
          if (reaction === 'done') ended()
          return reaction
        })
      },
      ended,
    )
  }

  /** Each partition has its own word: what was added is remembered, whatever the others got. */
  #addedOf(
    asked: readonly PartitionQueue[],
    codes: ReadonlyMap<string, number>,
    added: (queue: PartitionQueue) => void,
  ): Reaction {
    let worst: Reaction = 'done'
    const refused: { queue: PartitionQueue; code: BrokerErrorCode }[] = []
    for (const queue of asked) {
      const code = brokerErrorCode(codes.get(queue.name) ?? -1)
      if (code.code === 0) added(queue)
      else refused.push({ queue, code })
    }
    // Who was not attempted because of others is not the reason.
    refused.sort((a, b) => Number(isCompany(a.code)) - Number(isCompany(b.code)))
    for (const { queue, code } of refused) {
      const reaction = this.#events.decide('AddPartitionsToTxn', code, `to add ${queue.name} to the transaction`)
      if (reaction === 'done') return 'done' // the transaction has failed
      worst = reaction
    }
    return worst
  }

  addOffsets(identity: IdentityOf, groupId: string, added: () => void, failed: () => void): ControlRequest {
    return this.#request(
      'AddOffsetsToTxn',
      undefined,
      target => {
        const draft = () => ({ transactionalId: this.#transactionalId, ...identity(), groupId })
        return prepareRequest(apis.addOffsetsToTxn, target, newest, draft, answer => {
          const code = brokerErrorCode(answer.errorCode)
          if (code.code === 0) added()
          return this.#events.decide('AddOffsetsToTxn', code, `to add the offsets of group ${groupId}`)
        })
      },
      failed,
    )
  }

  /** `done` is told the code that ended it, if not success. */
  commitOffsets(
    identity: IdentityOf,
    { group, offsets }: CheckedOffsets,
    maxVersion: number,
    done: (problem?: KafkaError | 'refused') => void,
  ): ControlRequest {
    const { groupId } = group
    return this.#request(
      'TxnOffsetCommit',
      groupId,
      target => {
        const isMember = group.generationId !== -1 || group.memberId !== '' || group.groupInstanceId !== null
        if (isMember && target.versionOf(apis.txnOffsetCommit.request) < membersFrom)
          throw new UnsupportedVersionError(
            `${target.remote} cannot check who commits for group ${groupId} (KIP-447, Kafka 2.5): give the group's id alone`,
          )
        const draft = () => ({
          transactionalId: this.#transactionalId,
          ...identity(),
          ...group,
          topics: byTopic(offsets).map(([name, own]) => ({
            name,
            partitions: own.map(({ partition, offset, leaderEpoch, metadata }) => ({
              partitionIndex: partition,
              committedOffset: offset,
              committedLeaderEpoch: leaderEpoch,
              committedMetadata: metadata,
            })),
          })),
        })
        return prepareRequest(apis.txnOffsetCommit, target, maxVersion, draft, answer => {
          const errors = answer.topics.flatMap(topic =>
            topic.partitions
              .filter(({ errorCode }) => errorCode !== 0)
              .map(({ partitionIndex, errorCode }) => ({ name: `${topic.name}-${partitionIndex}`, errorCode })),
          )
          const [first] = errors
          const code = brokerErrorCode(first?.errorCode ?? 0)
          const what = `the offset of ${first?.name ?? ''} for group ${groupId}`
          const reaction = this.#events.decide('TxnOffsetCommit', code, what)
          if (reaction === 'done') done(first === undefined ? undefined : 'refused')
          return reaction
        })
      },
      done,
    )
  }

  /**
   * Whether the coordinator still writes the markers of the last transaction. `told` is called once, in any case: who gets no
   * answer here asks no more, since nothing depends on it but time.
   */
  isEnding(told: (isEnding: boolean) => void): ControlRequest {
    const transactionalIds = [this.#transactionalId]
    return {
      name: 'DescribeTransactions',
      coordinator: { type: 'transaction', key: this.#transactionalId },
      prepare: target =>
        prepareRequest(
          apis.describeTransactions,
          target,
          newest,
          () => ({ transactionalIds }),
          ({ transactionStates: [found] }) => {
            told(found?.transactionState.startsWith('Prepare') ?? false)
            return 'done'
          },
        ),
      lost: () => told(false),
      failed: () => told(false),
    }
  }

  /** `ended` is given the next transaction's identity, where the answer has one. `asked` is called before each attempt. */
  end(
    identity: IdentityOf,
    committed: boolean,
    maxVersion: number,
    asked: () => void,
    ended: (next: ProducerIdentity | undefined) => void,
  ): ControlRequest {
    return this.#request('EndTxn', undefined, target => {
      const version = target.versionOf(apis.endTxn.request)
      if (version < maxVersion && maxVersion >= raisingFrom)
        throw new UnsupportedVersionError(
          `${target.remote} speaks EndTxn up to v${version}, though the cluster has switched transaction.version 2 on`,
        )
      const draft = () => ({ transactionalId: this.#transactionalId, ...identity(), committed })
      const prepared = prepareRequest(apis.endTxn, target, maxVersion, draft, (answer, used) => {
        const code = brokerErrorCode(answer.errorCode)
        const reaction = this.#events.decide('EndTxn', code, committed ? 'to commit' : 'to abort')
        if (code.code === 0) {
          const { producerId, producerEpoch } = answer
          ended(used >= raisingFrom && producerId >= 0n ? { producerId, producerEpoch } : undefined)
        }
        return reaction
      })
      asked()
      return prepared
    })
  }
}

const isCompany = ({ name }: BrokerErrorCode) => name === 'OPERATION_NOT_ATTEMPTED'

function byTopic<T extends { readonly topic: string }>(rows: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const row of rows) {
    const known = topics.get(row.topic)
    if (known === undefined) topics.set(row.topic, [row])
    else known.push(row)
  }
  return [...topics]
}
