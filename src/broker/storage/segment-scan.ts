import { batchHeaderSize, batchLengthAt, currentMagic, logOverhead } from '../../wire/protocol/records/batch-layout.ts'
import { computeBatchCrc, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { type BatchPlace, placeOf } from '../log/stored-batch.ts'
import type { LogFile } from './open-files.ts'

const pieceBytes = 1024 * 1024

/** What the offsets of a segment must be like. */
export interface OffsetRules {
  /** The first offset that a batch may have. */
  readonly from: bigint
  /** Offsets from here on follow each other without gaps. */
  readonly withoutGapsFrom: bigint
  /** Behind the last offset that a batch may have: the next segment begins there. */
  readonly before: bigint
}

/** Where the good part of a segment ends, and what is wrong with what follows. */
export interface ScanEnd {
  readonly position: number
  readonly nextOffset: bigint
  /** null: the file ends there. */
  readonly problem: string | null
}

/**
 * Reads a segment from its beginning, gives each batch to `onBatch`, and ends at the first that is not as it was written:
 * cut off, of another magic, with a wrong CRC, or with offsets that do not follow. The CRC covers neither base offset nor
 * length, so those are held against their neighbours. Source: LogSegment.recover; the rule of gaps is stricter.
 */
export function scanSegment(
  file: LogFile,
  rules: OffsetRules,
  onBatch: (place: BatchPlace, bytes: Buffer) => void,
): ScanEnd {
  const fileSize = file.size()
  let piece: Buffer = Buffer.alloc(0)
  let pieceAt = 0
  let nextOffset = rules.from
  let position = 0
  while (position < fileSize) {
    const end = (problem: string): ScanEnd => ({ position, nextOffset, problem })
    let at = position - pieceAt
    if (at + batchHeaderSize > piece.length) {
      piece = file.read(position, Math.min(pieceBytes, fileSize - position))
      pieceAt = position
      at = 0
    }
    const left = fileSize - position
    if (piece.length < at + batchHeaderSize) return end(`${left} bytes are no batch`)
    const size = piece.readInt32BE(at + batchLengthAt) + logOverhead
    if (size < batchHeaderSize || size > left) return end(`a batch of ${size} bytes, but ${left} are there`)
    if (at + size > piece.length) {
      piece = file.read(position, Math.min(Math.max(size, pieceBytes), left))
      pieceAt = position
      at = 0
      if (piece.length < size) return end(`a batch of ${size} bytes is cut off`)
    }
    const place = placeOf(piece, at, position)
    const problem = batchProblem(piece, at, place, nextOffset, rules)
    if (problem) return end(problem)
    onBatch(place, piece.subarray(at, at + size))
    nextOffset = place.lastOffset + 1n
    position += size
  }
  return { position, nextOffset, problem: null }
}

function batchProblem(
  piece: Buffer,
  at: number,
  place: BatchPlace,
  nextOffset: bigint,
  rules: OffsetRules,
): string | null {
  const header = readBatchHeader(piece, at)
  if (header.magic !== currentMagic) return `a batch of magic ${header.magic}`
  if (computeBatchCrc(piece, at) !== header.crc) return `the batch at offset ${place.baseOffset} has a wrong CRC`
  const { baseOffset, lastOffset } = place
  if (lastOffset < baseOffset) return `a batch from offset ${baseOffset} to ${lastOffset}`
  const isNext = nextOffset >= rules.withoutGapsFrom ? baseOffset === nextOffset : baseOffset >= nextOffset
  if (!isNext || lastOffset >= rules.before) return `offset ${baseOffset} where ${nextOffset} was expected`
  return null
}
