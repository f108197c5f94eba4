import {
  BrokerError,
  type BrokerErrorCode,
  brokerErrorCode,
  ClosedError,
  DeliveryTimeoutError,
  KafkaError,
  type NetworkError,
  type Outcome,
  RecordTooLargeError,
} from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Body } from '../../wire/protocol/index.ts'
import type { produceResponse } from '../../wire/protocol/messages/produce.ts'
import type { Accumulator } from '../accumulator/accumulator.ts'
import type { Batch } from '../accumulator/batch.ts'
import type { Deliveries } from '../accumulator/deliveries.ts'
import type { PartitionQueue } from '../accumulator/partition-queue.ts'
import type { IdentitySource } from '../exactly-once/identity-source.ts'
import { giveUpSequence, stampParts } from '../exactly-once/sequencing.ts'
import type { ProducerMeters } from '../metrics/meters.ts'
import type { ObservedRequest, ProducerObserver } from '../observer/observer.ts'
import type { SingleAcknowledgement } from './single-acknowledgement.ts'
import { verdict } from './verdict.ts'

type ProduceAnswer = Body<typeof produceResponse>
type PartitionAnswer = ProduceAnswer['responses'][number]['partitionResponses'][number]

/** One Produce request on its way, as far as its answer must know it. */
export interface SentRequest extends ObservedRequest {
  readonly batches: readonly Batch[]
  /** The leader epoch of each batch's partition when it was sent. */
  readonly leaderEpochs: readonly number[]
  /** Topic id by name, as sent. */
  readonly ids: ReadonlyMap<string, string>
}

export interface SettlementLinks {
  refresh(reason: string): void
  /** KIP-951: who leads now, as an error answer says. */
  applyLeaderHint(
    topic: string,
    partition: number,
    leaderId: number,
    leaderEpoch: number,
    endpoints: ProduceAnswer['nodeEndpoints'],
  ): void
  /** Lets the partition's sender have another look. */
  ready(queue: PartitionQueue, isFull: boolean): void
  /** Why a broker cannot be reached, for messages. */
  brokerProblem(brokerId: number): string | undefined
}

/** What becomes of records is asked of the transaction that they belong to. */
export interface OpenTransaction {
  /** Why nothing of it is sent any more; undefined: it is. */
  stoppedError(outcome: Outcome): KafkaError | undefined
}

const cutMessage = (text: string | null) => (text === null || text === '' ? '' : `: ${text.slice(0, 500)}`)

/** Carries out what answers, lost connections and deadlines mean for batches. The decisions are in verdict.ts. */
export class Settlement {
  readonly #accumulator: Accumulator
  readonly #deliveries: Deliveries
  readonly #identity: IdentitySource | undefined
  /** undefined: without transactions. */
  readonly #transaction: OpenTransaction | undefined
  readonly #links: SettlementLinks
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #retries: number
  readonly #meters: ProducerMeters
  readonly #observer: ProducerObserver

  constructor(
    accumulator: Accumulator,
    deliveries: Deliveries,
    identity: IdentitySource | undefined,
    transaction: OpenTransaction | undefined,
    links: SettlementLinks,
    meters: ProducerMeters,
    observer: ProducerObserver,
    clock: Clock,
    backoff: Backoff,
    retries: number,
  ) {
    this.#accumulator = accumulator
    this.#deliveries = deliveries
    this.#identity = identity
    this.#transaction = transaction
    this.#links = links
    this.#meters = meters
    this.#observer = observer
    this.#clock = clock
    this.#backoff = backoff
    this.#retries = retries
  }

  /** acks=0: handed to the system is all that will ever be known. */
  written(request: SentRequest): void {
    for (const batch of request.batches) {
      if (!this.#arrives(request, batch)) continue
      if (!batch.isSettled) this.#deliveries.acknowledge(batch, -1n, -1)
    }
  }

  /** A request of one batch, and all went well. */
  acknowledged(request: SentRequest, answer: SingleAcknowledgement): void {
    const batch = request.batches[0]!
    if (this.#arrives(request, batch)) this.#appended(request, batch, answer.baseOffset, answer.logAppendTimeMs)
  }

  /**
   * The request has come to its end for this batch, which leaves the list of those in flight. False where another one carries
   * the batch by now: it was handed over, and whatever becomes of this copy says nothing about the one that counts.
   */
  #arrives(request: SentRequest, batch: Batch): boolean {
    if (batch.carriedBy !== request) return false
    batch.carriedBy = undefined
    batch.queue.removeInFlight(batch)
    return true
  }

  /**
   * What is unanswered of a partition will be sent again, by other connections: this thread is going to be blocked, and
   * cannot read the answers to what it sent. To the broker it is a retry; whichever copy comes first is written, and the other
   * one recognised. For idempotent producers only.
   */
  handOver(queue: PartitionQueue): void {
    for (const batch of [...queue.inFlight]) {
      const request = batch.carriedBy as SentRequest
      this.#arrives(request, batch)
      this.#markDoubtful(request, request.batches.indexOf(batch))
      batch.leaveBytesBehind()
      this.#accumulator.release(batch)
      // One that was given up already is not sent again; what it leaves behind is a gap, as after a lost connection.
      if (batch.isSettled) continue
      this.#meters.retried(batch, 'HANDED_OVER')
      this.#observer.batchRetried(batch, undefined, 0)
      batch.move('sealed')
      queue.requeue(batch)
    }
    if (queue.waiting.length > 0) this.#links.ready(queue, true)
  }

  answered(request: SentRequest, answer: ProduceAnswer): void {
    const answers = answersByBatch(request, answer)
    request.batches.forEach((batch, index) => {
      const own = answers[index]
      if (own === undefined) {
        const text = `broker ${request.brokerId} left ${batch.queue.name} out of its answer`
        this.#attemptLost(request, index, new KafkaError('BAD_RESPONSE', text), true)
      } else this.#attemptAnswered(request, index, own, answer.nodeEndpoints)
    })
  }

  /** The connection broke, or the answer did not come in time. `sent`: bytes of the request may have arrived. */
  lost(request: SentRequest, error: NetworkError, sent: boolean): void {
    for (let index = 0; index < request.batches.length; index++) this.#attemptLost(request, index, error, sent)
    this.#links.refresh(`broker ${request.brokerId}: ${error.code}`)
  }

  #attemptLost(request: SentRequest, index: number, error: KafkaError, sent: boolean): void {
    const batch = request.batches[index]!
    if (!this.#arrives(request, batch)) return
    const { queue } = batch
    queue.confirmed = false
    if (sent) this.#markDoubtful(request, index)
    if (batch.isSettled) {
      this.#links.ready(queue, true)
      return
    }
    batch.lastError = error
    if (batch.attempts > this.#retries) this.#giveUp(batch, this.#networkFailure(batch, error))
    else this.#again(batch, true)
  }

  #markDoubtful(request: SentRequest, index: number): void {
    const batch = request.batches[index]!
    batch.outcome = 'unknown'
    batch.doubtfulLeader = request.brokerId
    batch.doubtfulLeaderEpoch = request.leaderEpochs[index]!
  }

  #attemptAnswered(
    request: SentRequest,
    index: number,
    answer: PartitionAnswer,
    endpoints: ProduceAnswer['nodeEndpoints'],
  ): void {
    const batch = request.batches[index]!
    if (!this.#arrives(request, batch)) return
    const { queue } = batch
    const code = brokerErrorCode(answer.errorCode)
    if (code.appended === 'yes') {
      const known = answer.errorCode === 0
      this.#appended(request, batch, known ? answer.baseOffset : -1n, known ? Number(answer.logAppendTimeMs) : -1)
      return
    }
    queue.confirmed = false
    if (code.appended === 'maybe' && code.name !== 'UNKNOWN_PRODUCER_ID') this.#markDoubtful(request, index)
    if (batch.isSettled) {
      if (this.#identity !== undefined) queue.hasGap = true
      this.#links.ready(queue, true)
    } else this.#attemptFailed(request, batch, code, answer)
    // Last, when the batch is back at its place: news of a leader make the queue send at once, and nothing may overtake.
    this.#heedMetadata(request, batch, answer, code, endpoints)
  }

  /** The batch is in the log. */
  #appended(request: SentRequest, batch: Batch, baseOffset: bigint, logAppendTimeMs: number): void {
    const { queue } = batch
    queue.failures = 0
    queue.retryAt = 0
    // The broker checks sequences, so what came before is in the log as well. Only the present leader's word counts.
    if (isUnderCurrentIdentity(batch)) {
      queue.hasGap = false
      queue.confirmed = queue.leader === request.brokerId
    }
    if (batch.isSettled) {
      this.#links.ready(queue, true)
      return
    }
    this.#deliveries.acknowledge(batch, baseOffset, appendTime(batch, logAppendTimeMs))
    // A new leader has been waiting for the old one's last answer.
    if (queue.waiting.length > 0 && queue.leader !== request.brokerId) this.#links.ready(queue, true)
  }

  #attemptFailed(request: SentRequest, batch: Batch, code: BrokerErrorCode, answer: PartitionAnswer): void {
    const { queue } = batch
    batch.lastError = new BrokerError(
      code.name,
      code.code,
      `broker ${request.brokerId} answered ${code.name} for ${queue.name}${cutMessage(answer.errorMessage)}`,
      { retriable: code.retriable },
    )
    this.#carryOut(batch, code, answer)
  }

  #heedMetadata(
    request: SentRequest,
    batch: Batch,
    answer: PartitionAnswer,
    code: BrokerErrorCode,
    endpoints: ProduceAnswer['nodeEndpoints'],
  ): void {
    const { leaderId, leaderEpoch } = answer.currentLeader
    if (leaderId >= 0) this.#links.applyLeaderHint(batch.topic, batch.partition, leaderId, leaderEpoch, endpoints)
    if (code.refreshesMetadata) this.#links.refresh(`broker ${request.brokerId}: ${code.name} for ${batch.queue.name}`)
  }

  #carryOut(batch: Batch, code: BrokerErrorCode, answer: PartitionAnswer): void {
    const { queue } = batch
    const hasEarlier =
      queue.inFlight.some(other => other.sendOrder < batch.sendOrder) ||
      queue.waiting.some(other => other.sendOrder >= 0 && other.sendOrder < batch.sendOrder)
    const decision = verdict(code, {
      idempotent: this.#identity !== undefined,
      transactional: this.#transaction !== undefined,
      recordCount: batch.writtenCount,
      mayRetry: batch.attempts <= this.#retries,
      hasEarlier,
    })
    switch (decision) {
      case 'retry':
        this.#again(batch, !hasEarlier)
        return
      case 'follow':
        this.#again(batch, false)
        return
      case 'renumber':
        this.#renumber(batch, code)
        return
      case 'split':
        this.#split(batch)
        return
      default:
        this.#failWith(batch, code, answer)
    }
  }

  /** Back to the queue, at its place in the sequence. */
  #again(batch: Batch, backOff: boolean): void {
    const { queue } = batch
    const now = this.#clock.now()
    if (batch.deadline <= now) {
      this.expire(batch)
      return
    }
    const stopped = this.#transaction?.stoppedError(batch.outcome)
    if (stopped !== undefined) {
      this.#giveUp(batch, stopped)
      return
    }
    batch.move('sealed')
    queue.requeue(batch)
    if (backOff) {
      queue.failures++
      queue.retryAt = now + this.#backoff.delayMs(queue.failures)
    }
    this.#meters.retried(batch, batch.lastError?.code ?? 'UNKNOWN')
    this.#observer.batchRetried(batch, batch.lastError, Math.max(0, queue.retryAt - now))
    this.#links.ready(queue, true)
  }

  /** The broker does not have what came before this batch. */
  #renumber(batch: Batch, code: BrokerErrorCode): void {
    const { queue } = batch
    if (isUnderCurrentIdentity(batch)) {
      queue.hasGap = true
      // Somebody else holds a newer epoch of our id: only a new id helps.
      if (code.name === 'INVALID_PRODUCER_EPOCH' && queue.identity === this.#identity?.current) this.#identity?.forget()
    }
    if (!batch.canBeStampedAgain) {
      // Maybe written once by an attempt whose answer was lost, and the broker cannot recognise it any more.
      const message = `${queue.name}: the broker lost this producer's sequence, and an earlier attempt may have been written`
      this.#giveUp(batch, new KafkaError('SEQUENCE_LOST', message, { outcome: 'unknown', cause: batch.lastError }))
      return
    }
    // Once is mended at once; a broker that keeps saying so is not asked in a hot loop.
    this.#again(batch, batch.attempts > 2)
  }

  #split(batch: Batch): void {
    const { queue } = batch
    const stopped = this.#transaction?.stoppedError(batch.outcome)
    if (stopped !== undefined) {
      this.#giveUp(batch, stopped)
      return
    }
    this.#meters.split()
    const parts = this.#accumulator.split(batch, Math.ceil(batch.length / 2))
    this.#observer.batchSplit(batch, parts)
    this.#deliveries.replaced(batch, parts)
    // Same numbers in sum, so that what follows keeps its own.
    stampParts(batch, parts, part => this.#accumulator.seal(part, true))
    for (const part of parts) queue.requeue(part)
    this.#links.ready(queue, true)
  }

  #failWith(batch: Batch, code: BrokerErrorCode, answer: PartitionAnswer): void {
    const { queue, outcome } = batch
    const cause = batch.lastError
    const details = `${attemptsText(batch)}${cutMessage(answer.errorMessage)}`
    if (code.name === 'MESSAGE_TOO_LARGE' || code.name === 'RECORD_LIST_TOO_LARGE') {
      const size = Math.max(0, batch.keySizes[0] ?? 0) + Math.max(0, batch.valueSizes[0] ?? 0)
      const message = `the broker takes no record as large as this one for ${queue.name} (${size} bytes of key and value); raise the topic's max.message.bytes or send less`
      this.#giveUp(batch, new RecordTooLargeError(message, outcome, cause))
      return
    }
    const fatal = code.name === 'CLUSTER_AUTHORIZATION_FAILED'
    const error = new BrokerError(code.name, code.code, `${queue.name} was not acknowledged: ${code.name}${details}`, {
      outcome,
      retriable: code.retriable,
      fatal,
      cause,
    })
    this.#giveUp(batch, error, recordErrors(batch, answer, code, outcome))
  }

  #networkFailure(batch: Batch, cause: KafkaError): KafkaError {
    const message = `${batch.queue.name} was not acknowledged: ${cause.message}${attemptsText(batch)}`
    return new KafkaError(cause.code, message, { outcome: batch.outcome, retriable: true, cause })
  }

  #giveUp(batch: Batch, error: KafkaError, errors?: Map<number, KafkaError>): void {
    const { queue } = batch
    if (this.#identity !== undefined) giveUpSequence(queue, batch)
    this.#deliveries.fail(batch, error, errors)
    if (queue.waiting.length > 0) this.#links.ready(queue, true)
  }

  /** `deliveryTimeoutMs` is over for this batch, wherever it is. */
  expire(batch: Batch): void {
    const inFlight = batch.state === 'in-flight' && batch.queue.inFlight.includes(batch)
    const outcome = inFlight ? 'unknown' : batch.outcome
    const waitedMs = Math.round(this.#clock.now() - batch.createdAt)
    this.#abandon(batch, outcome, cause => {
      const reason = cause === undefined ? this.#whyNeverSent(batch) : `; last: ${cause.message}`
      return new DeliveryTimeoutError(
        `no acknowledgement for ${batch.queue.name} within ${waitedMs} ms${attemptsText(batch)}${reason}; outcome: ${outcome}`,
        outcome,
        cause,
      )
    })
  }

  /** The producer was closed with this batch still open. */
  abandonOnClose(batch: Batch, message: string): void {
    const inFlight = batch.state === 'in-flight' && batch.queue.inFlight.includes(batch)
    const outcome = inFlight ? 'unknown' : batch.outcome
    this.#abandon(batch, outcome, cause => new ClosedError(`${message}; outcome: ${outcome}`, outcome, cause))
  }

  #abandon(batch: Batch, outcome: Batch['outcome'], error: (cause: KafkaError | undefined) => KafkaError): void {
    const { queue } = batch
    batch.outcome = outcome
    queue.removeWaiting(batch)
    // One in flight stays in `inFlight` until its answer comes: nothing of this partition may overtake it.
    if (this.#identity !== undefined) giveUpSequence(queue, batch)
    this.#deliveries.fail(batch, error(batch.lastError))
    if (queue.waiting.length > 0) this.#links.ready(queue, true)
  }

  #whyNeverSent(batch: Batch): string {
    const { leader } = batch.queue
    if (leader < 0) return '; its partition has no leader'
    const problem = this.#links.brokerProblem(leader)
    if (problem !== undefined) return `; broker ${leader} cannot be reached: ${problem}`
    const refused = this.#identity?.current === undefined ? this.#identity?.lastError : undefined
    return refused === undefined ? '' : `; ${refused.message}`
  }

  /** Fails everything of a partition that was never numbered: the cluster refuses us an identity, or a version. */
  failWaiting(queue: PartitionQueue, reason: unknown): void {
    const error = reason instanceof KafkaError ? reason : new KafkaError('SEND_FAILED', String(reason))
    for (const batch of [...queue.waiting]) {
      if (batch.stamp !== undefined) continue
      queue.removeWaiting(batch)
      const message = `${queue.name}: ${error.message}`
      const { fatal, retriable, code } = error
      this.#deliveries.fail(
        batch,
        error instanceof BrokerError
          ? new BrokerError(code, error.errorCode, message, { outcome: batch.outcome, fatal, retriable, cause: error })
          : new KafkaError(code, message, { outcome: batch.outcome, fatal, retriable, cause: error }),
      )
    }
  }

  /** The transaction goes no further: what is not on the wire fails. What is, is awaited. */
  failUnsent(batch: Batch): void {
    if (batch.state === 'in-flight' || batch.isSettled) return
    const error = this.#transaction?.stoppedError(batch.outcome)
    if (error === undefined) return
    batch.queue.removeWaiting(batch)
    this.#giveUp(batch, error)
  }

  /** zstd for a broker that does not know it. */
  refuseCodec(batch: Batch, version: number): void {
    batch.queue.removeWaiting(batch)
    const message = `${batch.queue.name}: zstd needs Kafka 2.1 with Produce v7, this broker has v${version}; choose another compressionType`
    this.#giveUp(batch, new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', message, { outcome: batch.outcome }))
  }

  /** All its records were taken back: nothing is left to send. */
  dropIfEmpty(batch: Batch): void {
    if (batch.writtenCount > 0) return
    batch.queue.removeWaiting(batch)
    this.#deliveries.acknowledge(batch, -1n, -1)
  }
}

/** The answer for each batch, in the order of the request; undefined where the broker left one out. */
function answersByBatch({ batches, ids }: SentRequest, answer: ProduceAnswer): (PartitionAnswer | undefined)[] {
  const first = answer.responses[0]
  // One partition asked, one answered: the usual case where latency counts.
  if (batches.length === 1 && first?.partitionResponses.length === 1) {
    const { topic, partition } = batches[0]!
    const own = first.partitionResponses[0]!
    if (own.index === partition && (first.name === topic || first.topicId === ids.get(topic))) return [own]
  }
  const answers = new Map<string, PartitionAnswer>()
  for (const topic of answer.responses)
    for (const partition of topic.partitionResponses) {
      const key = `${topic.name === '' ? topic.topicId : topic.name}/${partition.index}`
      if (!answers.has(key)) answers.set(key, partition) // a second answer for the same partition is not believed
    }
  return batches.map(
    ({ topic, partition }) => answers.get(`${topic}/${partition}`) ?? answers.get(`${ids.get(topic)}/${partition}`),
  )
}

function isUnderCurrentIdentity({ stamp, queue }: Batch): boolean {
  return (
    stamp !== undefined &&
    stamp.producerId === queue.identity?.producerId &&
    stamp.producerEpoch === queue.identity.producerEpoch
  )
}

/**
 * −1 where the records keep their own time. For a batch that it had already, Kafka gives the time of its newest record even
 * where the topic uses CreateTime.
 */
function appendTime(batch: Batch, time: number): number {
  return batch.attempts > 1 && time === batch.maxTimestamp ? -1 : time
}

const attemptsText = (batch: Batch) => ` (${batch.attempts} attempt${batch.attempts === 1 ? '' : 's'})`

/** KIP-467: which records the broker blames. The others of the batch fail for their company only. */
function recordErrors(
  batch: Batch,
  answer: PartitionAnswer,
  code: BrokerErrorCode,
  outcome: Batch['outcome'],
): Map<number, KafkaError> | undefined {
  if (answer.recordErrors.length === 0) return undefined
  const blamed = new Map(answer.recordErrors.map(error => [error.batchIndex, error.batchIndexErrorMessage]))
  const errors = new Map<number, KafkaError>()
  for (let index = 0; index < batch.count; index++) {
    const at = batch.offsetDeltaAt(index)
    const name = batch.queue.name
    const message = blamed.has(at)
      ? `the broker refuses this record for ${name}: ${code.name}${cutMessage(blamed.get(at) ?? null)}`
      : `not written to ${name}, because the broker refuses other records of its batch (${code.name})`
    errors.set(
      index,
      new BrokerError(code.name, code.code, message, { outcome, cause: batch.lastError, retriable: !blamed.has(at) }),
    )
  }
  return errors
}
