import { decodeRecords, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { decompress } from '../decompress.ts'
import type { StoredBatch } from './stored-batch.ts'

const abortMarker = 0

interface AbortedRange {
  readonly first: bigint
  /** The marker's offset. */
  readonly marker: bigint
}

/** Whether a control batch aborts what its producer wrote. Its key is a version and a type, two bytes each (KIP-98). */
function isAbortMarker(batch: Buffer): boolean {
  const key = decodeRecords(batch, 0, decompress)[0]?.key
  return key != null && key.length >= 4 && key.readInt16BE(2) === abortMarker
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
      if (first === undefined || !isAbortMarker(bytes)) continue
      const ranges = this.#aborted.get(producerId) ?? []
      ranges.push({ first, marker: baseOffset })
      this.#aborted.set(producerId, ranges)
    }
  }

  isAborted(producerId: bigint, offset: bigint): boolean {
    return this.#aborted.get(producerId)?.some(({ first, marker }) => offset >= first && offset < marker) ?? false
  }
}
