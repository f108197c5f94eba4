import type { KafkaError } from '../../base/errors/index.ts'
import { invariant } from '../../base/invariant.ts'
import type { Batch, BatchWaiter, RecordListener } from '../accumulator/batch.ts'
import type { Blocker } from '../accumulator/blocker.ts'
import type { SendTrace } from '../observer/send-trace.ts'
import type { HeaderPair } from '../record/headers.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import type { ResultSource } from './future.ts'
import type { InterceptedRecord } from './intercepted-record.ts'
import type { SendCallback } from './types.ts'

/**
 * A record that could not go straight into a batch: its serializer is asynchronous, its topic is not known yet, memory is
 * short, or somebody may take it back. It holds copies of the caller's bytes.
 *
 *     serializing ──► waiting ──► placed ──► settled
 *           └────────────┴──────────────────────┘
 */
export type ParkedState = 'serializing' | 'waiting' | 'placed' | 'settled'

const moves: Record<ParkedState, readonly ParkedState[]> = {
  serializing: ['waiting', 'settled'],
  waiting: ['placed', 'settled'],
  placed: ['settled'],
  settled: [],
}

export class ParkedRecord implements RecordListener, ResultSource {
  readonly topic: string
  readonly partition: number | undefined
  readonly timestamp: number
  /** Monotonic time of the call. */
  readonly calledAt: number
  state: ParkedState = 'serializing'
  key: string | Uint8Array | null = null
  value: string | Uint8Array | null = null
  pairs: readonly HeaderPair[] = []
  /** What it is charged with, and to whom: the memory for records, or the line of those who wait for it. */
  chargedBytes = 0
  charge: 'none' | 'memory' | 'line' = 'none'
  waiters: BatchWaiter[] | undefined
  /** Where it was placed. */
  batch: Batch | undefined
  index = -1
  /** Called once, when it settles. */
  onSettled: (() => void) | undefined
  /** Where there are interceptors: they see the result before the callback. */
  intercepted: InterceptedRecord | undefined
  /** Where its life is published. */
  trace: SendTrace | undefined

  readonly blocker: Blocker | undefined
  readonly #listener: SendCallback | RecordListener | undefined
  #watched: boolean
  #isTold = false
  #error: KafkaError | undefined
  #metadata: RecordMetadata | undefined
  #whenSettled: Promise<unknown> | undefined
  #resolve: (() => void) | undefined

  constructor(
    topic: string,
    partition: number | undefined,
    timestamp: number,
    calledAt: number,
    listener: SendCallback | RecordListener | undefined,
    blocker?: Blocker,
  ) {
    this.topic = topic
    this.partition = partition
    this.timestamp = timestamp
    this.calledAt = calledAt
    this.#listener = listener
    this.blocker = blocker
    this.#watched = listener !== undefined
  }

  move(to: ParkedState): void {
    invariant(moves[this.state].includes(to), `a parked record may go from ${this.state} to ${to}`)
    this.state = to
  }

  /** Its bytes are known now. */
  serialized(key: string | Uint8Array | null, value: string | Uint8Array | null, pairs: readonly HeaderPair[]): void {
    this.key = key
    this.value = value
    this.pairs = pairs
    this.move('waiting')
  }

  get watched(): boolean {
    return this.#watched
  }

  get isSettled(): boolean {
    return this.state === 'settled'
  }

  isSettledAt(): boolean {
    return this.isSettled
  }

  settled(error: KafkaError | null, metadata: RecordMetadata | undefined): void {
    if (this.state === 'settled') return // taken back or timed out before its batch ended
    this.move('settled')
    this.#error = error ?? undefined
    this.#metadata = metadata
    this.trace?.settled(error, metadata)
    this.onSettled?.()
    this.key = this.value = null
    if (typeof this.#listener === 'object') this.#listener.settled(error, metadata)
  }

  tell(): unknown {
    if (this.#isTold) return undefined
    this.#isTold = true
    try {
      return this.trace === undefined ? this.#call() : this.trace.tell(() => this.#call())
    } finally {
      this.#resolve?.()
    }
  }

  #call(): unknown {
    const error = this.#error ?? null
    this.intercepted?.observe(error, this.#metadata)
    return typeof this.#listener === 'function' ? this.#listener(error, this.#metadata) : this.#listener?.tell()
  }

  errorAt(): KafkaError | undefined {
    return this.#error
  }

  metadataAt(): RecordMetadata {
    return this.#metadata!
  }

  whenSettled(): Promise<unknown> {
    this.#whenSettled ??= this.#isTold
      ? Promise.resolve()
      : new Promise<void>(resolve => {
          this.#resolve = resolve
        })
    return this.#whenSettled
  }

  watch(): void {
    this.#watched = true
  }
}
