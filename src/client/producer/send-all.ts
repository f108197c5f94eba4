import { KafkaError, type Outcome } from '../../base/errors/index.ts'
import type { RecordListener } from '../accumulator/batch.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'

/** The result of one record of a `sendAll`. */
export type SendResult =
  | { readonly metadata: RecordMetadata; readonly error?: undefined }
  | { readonly error: KafkaError; readonly metadata?: undefined }

/** At least one record of a `sendAll` failed. `results` has the result of each, in the order given. */
export class SendAllError extends KafkaError {
  override readonly name = 'SendAllError'
  readonly results: readonly SendResult[]

  constructor(results: readonly SendResult[]) {
    const failed = results.filter(result => result.error !== undefined)
    const first = failed[0]!.error!
    const outcome: Outcome = failed.some(result => result.error!.outcome !== 'not-written') ? 'unknown' : 'not-written'
    super(
      'SEND_ALL',
      `${failed.length} of ${results.length} records were not acknowledged; the first: ${first.message}`,
      {
        outcome,
        retriable: failed.every(result => result.error!.retriable),
        cause: first,
      },
    )
    this.results = results
  }
}

/** Sends each record with a listener of its own, and gathers the results. */
export function sendEach<R>(
  records: Iterable<R>,
  send: (record: R, listener: RecordListener) => void,
  whole: { resolve(metadata: RecordMetadata[]): void; reject(error: unknown): void },
): void {
  const gathering = new Gathering(whole)
  try {
    for (const record of records) send(record, gathering.next())
  } catch (thrown) {
    whole.reject(thrown)
    return
  }
  gathering.complete()
}

class Gathering {
  readonly #whole: { resolve(metadata: RecordMetadata[]): void; reject(error: unknown): void }
  readonly #metadata: RecordMetadata[] = []
  #results: SendResult[] | undefined
  #sent = 0
  #settled = 0
  #isComplete = false

  constructor(whole: { resolve(metadata: RecordMetadata[]): void; reject(error: unknown): void }) {
    this.#whole = whole
  }

  next(): RecordListener {
    return new OneOfMany(this, this.#sent++)
  }

  complete(): void {
    this.#metadata.length = this.#sent
    this.#isComplete = true
    this.#check()
  }

  settled(index: number, error: KafkaError | null, metadata: RecordMetadata | undefined): void {
    this.#settled++
    if (error === null) this.#metadata[index] = metadata!
    else {
      this.#results ??= []
      this.#results[index] = { error }
    }
    this.#check()
  }

  #check(): void {
    if (!this.#isComplete || this.#settled < this.#sent) return
    const results = this.#results
    if (results === undefined) {
      this.#whole.resolve(this.#metadata)
      return
    }
    this.#metadata.forEach((own, index) => {
      results[index] ??= { metadata: own }
    })
    this.#whole.reject(new SendAllError(results))
  }
}

/** The result is gathered even while the thread is blocked: nothing of the user's is called here. */
class OneOfMany implements RecordListener {
  readonly watched = true
  readonly #all: Gathering
  readonly #index: number

  constructor(all: Gathering, index: number) {
    this.#all = all
    this.#index = index
  }

  settled(error: KafkaError | null, metadata: RecordMetadata | undefined): void {
    this.#all.settled(this.#index, error, metadata)
  }

  tell(): void {}
}
