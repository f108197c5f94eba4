import type { KafkaError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import {
  type BatchMessage,
  type ChannelMessages,
  isListenedTo,
  plainChannels,
  type RequestBatch,
  type RequestMessage,
  requests,
} from './channels.ts'
import type { ObservedBatch, ObservedRequest, ProducerObserver } from './observer.ts'

/**
 * Publishes what happens to `node:diagnostics_channel`: everything but the sends themselves, which `SendTrace` publishes. Nothing
 * is built where nobody listens.
 *
 * Subscribers are the user's code, and this is called in the midst of the work: so messages are made at once and published later,
 * when the present code has ended, in their turn among the callbacks (`UserCalls`); after a thread was blocked, when it goes on.
 */
export class Diagnostics implements ProducerObserver {
  readonly #clientId: string
  readonly #clock: Clock
  readonly #later: (call: () => void) => void
  /** Requests whose start was published. */
  readonly #requests = new WeakMap<ObservedRequest, Writable<RequestMessage>>()
  /** Where a batch is in the request that carries it. */
  readonly #carried = new WeakMap<ObservedBatch, Writable<RequestBatch>>()

  constructor(clientId: string, clock: Clock, later: (call: () => void) => void) {
    this.#clientId = clientId
    this.#clock = clock
    this.#later = later
  }

  #publish<N extends keyof typeof plainChannels>(name: N, message: () => Omit<ChannelMessages[N], 'clientId'>): void {
    const channel = plainChannels[name]
    if (!channel.hasSubscribers) return
    const made = { clientId: this.#clientId, ...message() }
    this.#later(() => channel.publish(made))
  }

  connected(brokerId: number, remote: string): void {
    this.#publish('ottla:connection', () => ({ brokerId, remote }))
  }

  connectionFailed(brokerId: number, error: KafkaError): void {
    this.#publish('ottla:connection', () => ({ brokerId, error }))
  }

  metadataFailed(error: KafkaError): void {
    this.#publish('ottla:metadata', () => ({ error }))
  }

  /** Not told: what an answer changes is told by `ottla:leader`. */
  metadataLearnt(): void {}

  leaderChanged(topic: string, partition: number, from: number, to: number): void {
    this.#publish('ottla:leader', () => ({ topic, partition, from, to }))
  }

  requestSent(request: ObservedRequest): void {
    if (!isListenedTo(requests)) return
    const { brokerId, remote, bytes } = request
    const batches = request.batches.map(batch => {
      const { topic, partition, writtenCount: records, attempts } = batch
      const own: Writable<RequestBatch> = { topic, partition, records, attempts, sends: sendsOf(batch) }
      this.#carried.set(batch, own)
      return own
    })
    const startedAt = this.#clock.wallTime()
    const message = { clientId: this.#clientId, brokerId, remote, bytes, batches, startedAt }
    this.#requests.set(request, message)
    this.#later(() => {
      requests.start.publish(message)
      requests.end.publish(message)
    })
  }

  requestAnswered(request: ObservedRequest, latencyMs: number): void {
    this.#ended(request, latencyMs, undefined)
  }

  requestFailed(request: ObservedRequest, error: KafkaError): void {
    this.#ended(request, this.#clock.now() - request.sentAt, error)
  }

  /** What the answer means for each batch is told after this, and is in the message when it is published. */
  #ended(request: ObservedRequest, durationMs: number, error: KafkaError | undefined): void {
    const message = this.#requests.get(request)
    if (message === undefined) return
    this.#requests.delete(request)
    message.durationMs = durationMs
    if (error !== undefined) message.error = error
    this.#later(() => {
      if (error !== undefined) requests.error.publish(message)
      requests.asyncStart.publish(message)
      requests.asyncEnd.publish(message)
    })
  }

  throttled(brokerId: number, throttleMs: number): void {
    this.#publish('ottla:throttle', () => ({ brokerId, throttleMs }))
  }

  batchRetried(batch: ObservedBatch, error: KafkaError | undefined, backOffMs: number): void {
    this.#answeredFor(batch, error)
    const { topic, partition, writtenCount: records, attempts } = batch
    this.#publish('ottla:retry', () => ({ topic, partition, records, attempts, backOffMs, error }))
  }

  batchSplit(batch: ObservedBatch, parts: readonly ObservedBatch[]): void {
    this.#answeredFor(batch, batch.lastError)
    this.#publish('ottla:batch', () => ({
      ...this.#described(batch, 'split'),
      parts: parts.map(part => part.writtenCount),
    }))
  }

  batchAcknowledged(batch: ObservedBatch): void {
    const { baseOffset } = batch
    const own = this.#carried.get(batch)
    if (own !== undefined && baseOffset >= 0n) own.baseOffset = baseOffset
    this.#publish('ottla:batch', () => ({ ...this.#described(batch, 'acknowledged'), baseOffset }))
  }

  batchFailed(batch: ObservedBatch, error: KafkaError): void {
    this.#answeredFor(batch, error)
    this.#publish('ottla:batch', () => ({ ...this.#described(batch, 'failed'), error }))
  }

  #answeredFor(batch: ObservedBatch, error: KafkaError | undefined): void {
    const own = this.#carried.get(batch)
    if (own !== undefined && error !== undefined) own.error ??= error
  }

  #described(batch: ObservedBatch, result: BatchMessage['result']): Omit<BatchMessage, 'clientId'> {
    const { topic, partition, writtenCount: records, attempts, length: bytes } = batch
    return { topic, partition, records, attempts, bytes, durationMs: this.#clock.now() - batch.createdAt, result }
  }

  /** Its own trace tells it. */
  recordFailed(): void {}

  identified(producerId: bigint, producerEpoch: number): void {
    this.#publish('ottla:identity', () => ({ producerId, producerEpoch }))
  }

  transactionCall(call: string, durationMs: number, error: KafkaError | undefined): void {
    this.#publish('ottla:transaction', () => ({ call, durationMs, ...(error && { error }) }))
  }

  reported(error: KafkaError): void {
    this.#publish('ottla:error', () => ({ error }))
  }

  /** Who closes it knows. */
  closed(): void {}
}

const sendsOf = (batch: ObservedBatch): RequestBatch['sends'] =>
  batch.listeners.flatMap(listener =>
    typeof listener === 'object' && listener.trace !== undefined ? [listener.trace.message] : [],
  )

type Writable<T> = { -readonly [K in keyof T]: T[K] }
