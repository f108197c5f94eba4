import type { DecodedRecord } from '../../wire/protocol/records/record.ts'
import {
  type BatchHeader,
  decodeRecords,
  iterateRecords,
  readBatchHeader,
} from '../../wire/protocol/records/record-batch.ts'
import { decompress } from '../decompress.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProducerSnapshot } from './producer-state.ts'
import { maxRelativeOffset, type Segment } from './segment.ts'
import { type StoredBatch, storedBatchOf } from './stored-batch.ts'
import { thinBatch } from './thin-batch.ts'

export interface CompactionRules {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Nothing at or after this offset is touched: the last stable one. */
  readonly limit: bigint
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  /** What the partition remembers: the last batch of each producer stays, if only as a header. */
  readonly producers: readonly ProducerSnapshot[]
  /** Whether a producer's batch at this offset belongs to a transaction that was aborted. */
  readonly isAborted: (producerId: bigint, offset: bigint) => boolean
}

export interface CompactionResult {
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** Offsets of the markers that are gone. */
  readonly droppedMarkers: ReadonlySet<bigint>
}

/**
 * Keeps of every key the last record. The active segment is never touched; records keep their offsets. A tombstone stays for
 * `delete.retention.ms` after the first compaction that saw it, and so does the marker of a transaction of which nothing else
 * is left. Source: LogCleaner, Cleaner, CleanedTransactionMetadata.
 */
export function compactLog(log: PartitionLog, rules: CompactionRules): CompactionResult {
  const bytesBefore = log.sizeInBytes
  const droppedMarkers = new Set<bigint>()
  const segments = cleanable(log, rules)
  const last = segments.at(-1)
  if (last) {
    const cleaning = new Cleaning(segments, rules, droppedMarkers)
    // Before there can be a gap, or the next start would take it for damage.
    log.markCleaned(last.endOffset)
    for (const group of groups(segments, log.config.segmentBytes)) log.replaceSegments(group, cleaning.clean(group))
    log.noteCompacted()
  }
  return { bytesBefore, bytesAfter: log.sizeInBytes, droppedMarkers }
}

/** Sealed segments up to the first that is too young. */
function cleanable(log: PartitionLog, { limit, now, minCompactionLagMs }: CompactionRules): Segment[] {
  const segments = log.sealedSegments(limit)
  const young = segments.findIndex(
    ({ maxTimestamp }) => minCompactionLagMs > 0 && maxTimestamp > now - minCompactionLagMs,
  )
  return (young < 0 ? segments : segments.slice(0, young)).filter(({ sizeInBytes }) => sizeInBytes > 0)
}

/** Segments that fit into one when nothing is left out. */
function* groups(segments: readonly Segment[], segmentBytes: number): Generator<Segment[]> {
  let group: Segment[] = []
  let size = 0
  for (const segment of segments) {
    const first = group[0]
    const full = size + segment.sizeInBytes > segmentBytes
    if (first && (full || segment.endOffset - first.baseOffset > maxRelativeOffset)) {
      yield group
      group = []
      size = 0
    }
    group.push(segment)
    size += segment.sizeInBytes
  }
  if (group.length > 0) yield group
}

/** What of a batch stays. */
interface Kept {
  readonly records: readonly DecodedRecord[]
  /** Set for the first time: it has a tombstone, or marks a transaction of which nothing is left. */
  readonly deleteHorizon: number | null
}

class Cleaning {
  readonly #rules: CompactionRules
  readonly #droppedMarkers: Set<bigint>
  /** The last offset of each key. */
  readonly #latest = new Map<string, bigint>()
  /** Producers of whose transaction something, if only a header, was there in what was cleaned so far. */
  readonly #seen = new Set<bigint>()
  readonly #producers: ReadonlyMap<bigint, ProducerSnapshot>

  constructor(segments: readonly Segment[], rules: CompactionRules, droppedMarkers: Set<bigint>) {
    this.#rules = rules
    this.#droppedMarkers = droppedMarkers
    this.#producers = new Map(rules.producers.map(producer => [producer.producerId, producer]))
    for (const segment of segments)
      for (const { bytes, baseOffset } of segment.batches(segment.baseOffset)) {
        const header = readBatchHeader(bytes, 0)
        if (header.attributes.control || this.#isAborted(header)) continue
        for (const { key, offsetDelta } of iterateRecords(bytes, 0, decompress))
          if (key) this.#latest.set(key.toString('latin1'), baseOffset + BigInt(offsetDelta))
      }
  }

  /** The batches of these segments that stay. The last one does, if only as a header: the segment ends where they ended. */
  *clean(group: readonly Segment[]): Generator<StoredBatch> {
    const end = group.at(-1)!.endOffset
    for (const segment of group)
      for (const batch of segment.batches(segment.baseOffset)) {
        const header = readBatchHeader(batch.bytes, 0)
        const kept = header.attributes.control ? this.#keepMarker(batch, header) : this.#keepRecords(batch, header)
        const whole = kept.records.length === header.recordCount
        if (whole && kept.deleteHorizon === null && header.recordCount > 0) yield batch
        else if (kept.records.length > 0 || batch.lastOffset + 1n === end || this.#isLastOfProducer(header))
          yield storedBatchOf(thinBatch(batch.bytes, header, kept.records, kept.deleteHorizon))
      }
  }

  #keepRecords({ bytes, baseOffset }: StoredBatch, header: BatchHeader): Kept {
    if (header.attributes.transactional) this.#seen.add(header.producerId)
    if (this.#isAborted(header)) return { records: [], deleteHorizon: null }
    const { deleteHorizon } = header.attributes
    const tombstonesExpire = deleteHorizon && header.baseTimestamp <= this.#rules.now
    const stays = ({ key, value, offsetDelta }: DecodedRecord) => {
      if (key === null || this.#latest.get(key.toString('latin1')) !== baseOffset + BigInt(offsetDelta)) return false
      return value !== null || !tombstonesExpire
    }
    const records: DecodedRecord[] = []
    for (const record of iterateRecords(bytes, 0, decompress)) if (stays(record)) records.push(record)
    const needsHorizon = !deleteHorizon && records.some(({ value }) => value === null)
    return { records, deleteHorizon: needsHorizon ? this.#horizon : null }
  }

  #keepMarker({ bytes }: StoredBatch, header: BatchHeader): Kept {
    const records = decodeRecords(bytes, 0, decompress)
    const hasData = this.#seen.delete(header.producerId)
    if (hasData) return { records, deleteHorizon: null }
    if (!header.attributes.deleteHorizon) return { records, deleteHorizon: this.#horizon }
    if (header.baseTimestamp > this.#rules.now) return { records, deleteHorizon: null }
    this.#droppedMarkers.add(header.baseOffset)
    return { records: [], deleteHorizon: null }
  }

  get #horizon(): number {
    return this.#rules.now + this.#rules.deleteRetentionMs
  }

  #isAborted({ attributes, producerId, baseOffset }: BatchHeader): boolean {
    return attributes.transactional && this.#rules.isAborted(producerId, baseOffset)
  }

  /** Its last batch tells which sequence is next; where only a marker is left, that tells its epoch. */
  #isLastOfProducer({ producerId, producerEpoch, baseOffset, attributes }: BatchHeader): boolean {
    const producer = producerId < 0n ? undefined : this.#producers.get(producerId)
    if (!producer) return false
    const last = producer.batches.at(-1)
    return last ? last.baseOffset === baseOffset : attributes.control && producerEpoch === producer.producerEpoch
  }
}
