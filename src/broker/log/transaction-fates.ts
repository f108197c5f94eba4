import { readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { readMarker } from './control-batch.ts'
import type { StoredBatch } from './stored-batch.ts'

interface AbortedRange {
  readonly first: bigint
  /** The marker's offset. */
  readonly marker: bigint
}

/** What of a log belongs to transactions that were aborted, as its markers tell. */
export class TransactionFates {
  readonly #aborted = new Map<bigint, AbortedRange[]>()

  /** @param batches - from the log's beginning to its last stable offset. */
  constructor(batches: Iterable<StoredBatch>) {
    const open = new Map<bigint, bigint>()
    for (const { bytes, baseOffset } of batches) {
      const { producerId, attributes } = readBatchHeader(bytes, 0)
      if (!attributes.transactional) continue
      if (!attributes.control) {
        if (!open.has(producerId)) open.set(producerId, baseOffset)
        continue
      }
      const first = open.get(producerId)
      open.delete(producerId)
      if (first === undefined || readMarker(bytes)?.committed !== false) continue
      const ranges = this.#aborted.get(producerId) ?? []
      ranges.push({ first, marker: baseOffset })
      this.#aborted.set(producerId, ranges)
    }
  }

  isAborted(producerId: bigint, offset: bigint): boolean {
    return this.#aborted.get(producerId)?.some(({ first, marker }) => offset >= first && offset < marker) ?? false
  }
}
