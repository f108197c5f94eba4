import { Reader } from '../../wire/protocol/reader.ts'
import { sizeOfVarint, writeVarint } from '../../wire/protocol/records/varint.ts'

/**
 * Copies encoded records, those of `indexes` only, numbered anew from 0. Everything but the offset delta stays as it is:
 * timestamps stay relative to the same base.
 */
export function rewriteRecords(records: Buffer, indexes: (index: number) => boolean, headRoom: number): Buffer {
  // A delta gets smaller or stays, so the result is never longer.
  const result = Buffer.allocUnsafeSlow(headRoom + records.length)
  const reader = new Reader(records)
  let at = headRoom
  let delta = 0
  for (let index = 0; reader.remaining > 0; index++) {
    const length = reader.varint()
    const start = reader.take(length, 'record')
    if (!indexes(index)) continue
    reader.offset = start + 1
    reader.varlong()
    const deltaAt = reader.offset
    reader.varint()
    const restAt = reader.offset
    const end = start + length
    at = writeVarint(result, at, length - (restAt - deltaAt) + sizeOfVarint(delta))
    at += records.copy(result, at, start, deltaAt)
    at = writeVarint(result, at, delta)
    at += records.copy(result, at, restAt, end)
    reader.offset = end
    delta++
  }
  return result.subarray(0, at)
}
