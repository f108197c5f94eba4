import { KafkaError, type Outcome } from '../../base/errors/index.ts'
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

/** Sends each record with a callback and gathers the results. */
export function sendEach<R>(
  records: Iterable<R>,
  send: (record: R, done: (error: KafkaError | null, metadata?: RecordMetadata) => void) => void,
): Promise<RecordMetadata[]> {
  return new Promise((resolve, reject) => {
    const results: SendResult[] = []
    const metadata: RecordMetadata[] = []
    let sent = 0
    let settled = 0
    let isComplete = false
    let anyFailed = false
    const check = () => {
      if (!isComplete || settled < sent) return
      if (!anyFailed) resolve(metadata)
      else {
        metadata.forEach((own, index) => {
          results[index] ??= { metadata: own }
        })
        reject(new SendAllError(results))
      }
    }
    for (const record of records) {
      const index = sent++
      send(record, (error, own) => {
        settled++
        if (error === null) metadata[index] = own!
        else {
          anyFailed = true
          results[index] = { error }
        }
        check()
      })
    }
    metadata.length = sent
    isComplete = true
    check()
  })
}
