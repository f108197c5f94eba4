import { AsyncResource } from 'node:async_hooks'
import type { KafkaError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { HeaderPair } from '../record/headers.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { isListenedTo, type SendMessage, sends } from './channels.ts'

/** What is known of a record when its trace begins. */
export interface SentRecord {
  readonly topic: string
  readonly partition?: number | undefined
  readonly key?: unknown
  readonly value?: unknown
  readonly timestamp?: number | undefined
  readonly pairs?: readonly HeaderPair[] | undefined
}

/** Whether sends are traced: somebody listens. Asked once a send. */
export const areSendsTraced = (): boolean => isListenedTo(sends)

/**
 * One send on the tracing channel `ottla:send`: `start` and `end` within the call, then, when the record's result is told, `error`
 * (where it failed), `asyncStart`, the callback, `asyncEnd`. Each of them once, whatever becomes of the record.
 *
 * What a subscriber binds to `start` is there for the serializers, and again for the callback, which else would run in the
 * asynchronous context of whatever socket brought the answer.
 */
export class SendTrace {
  readonly message: Writable<SendMessage>
  /** The headers that will be written. */
  readonly headers: HeaderPair[]
  readonly #clock: Clock
  readonly #beganAt: number
  #scope: AsyncResource | undefined

  constructor(clientId: string, record: SentRecord, clock: Clock) {
    const { topic, partition, key, value, timestamp, pairs = [] } = record
    this.headers = [...pairs]
    this.#clock = clock
    this.#beganAt = clock.now()
    this.message = {
      clientId,
      topic,
      partition,
      record: { key, value, headers: this.headers, timestamp },
      startedAt: clock.wallTime(),
    }
  }

  /** Runs code of the user's. */
  start(): void {
    sends.start.runStores(this.message, () => {
      this.#scope = new AsyncResource('ottla:send')
    })
  }

  /** Runs code of the user's. */
  end(): void {
    sends.end.publish(this.message)
  }

  inScope<T>(run: () => T): T {
    return this.#scope!.runInAsyncScope(run)
  }

  placed(partition: number): void {
    this.message.partition = partition
  }

  /** The result is there. Nobody is told yet. */
  settled(error: KafkaError | null, metadata: RecordMetadata | undefined): void {
    this.message.durationMs = this.#clock.now() - this.#beganAt
    if (error !== null) this.message.error = error
    else if (metadata !== undefined) this.message.metadata = metadata
  }

  /** Calls whoever is told the result. */
  tell<T>(call: () => T): T {
    return this.inScope(() => {
      if (this.message.error !== undefined) sends.error.publish(this.message)
      return sends.asyncStart.runStores(this.message, () => {
        try {
          return call()
        } finally {
          sends.asyncEnd.publish(this.message)
        }
      })
    })
  }
}

/** Begins the traces of a producer. */
export class SendTraces {
  readonly #clientId: string
  readonly #clock: Clock
  /** Subscribers of a send that has not returned may not block the thread. */
  readonly #duringUserCode: (run: () => void) => void

  constructor(clientId: string, clock: Clock, duringUserCode: (run: () => void) => void = run => run()) {
    this.#clientId = clientId
    this.#clock = clock
    this.#duringUserCode = duringUserCode
  }

  start(record: SentRecord): SendTrace {
    const trace = new SendTrace(this.#clientId, record, this.#clock)
    this.#duringUserCode(() => trace.start())
    return trace
  }

  /** The call returns. */
  end(trace: SendTrace): void {
    this.#duringUserCode(() => trace.end())
  }

  /** A call that was refused before its record was read has a beginning as well, since it has an end. */
  refused({ topic, partition, key, value, timestamp }: Omit<SentRecord, 'pairs'>): SendTrace | undefined {
    if (!areSendsTraced()) return undefined
    const trace = this.start({ topic, partition, key, value, timestamp })
    this.end(trace)
    return trace
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
