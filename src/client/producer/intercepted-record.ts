import type { KafkaError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import type { SentRecord } from './options.ts'

/** Lets the interceptors see a record's result, before its callback. Never throws. */
export type TellInterceptors = (
  sent: SentRecord,
  error: KafkaError | null,
  metadata: RecordMetadata | undefined,
) => void

/** One record on its way, where there are interceptors: it ties together what they see of it. */
export class InterceptedRecord implements SentRecord {
  readonly clientId: string
  topic = ''
  partition: number | undefined = undefined
  readonly #clock: Clock
  readonly #calledAt: number
  readonly #tell: TellInterceptors

  constructor(clientId: string, clock: Clock, tell: TellInterceptors) {
    this.clientId = clientId
    this.#clock = clock
    this.#calledAt = clock.now()
    this.#tell = tell
  }

  get elapsedMs(): number {
    return this.#clock.now() - this.#calledAt
  }

  /** The result is there. */
  observe(error: KafkaError | null, metadata: RecordMetadata | undefined): void {
    this.#tell(this, error, metadata)
  }
}
