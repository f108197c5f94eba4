import { invariant } from '../../base/invariant.ts'
import { TopicSettings } from '../topic-config.ts'
import { MemorySegments } from './memory-segment.ts'
import {
  type EpochStart,
  type Front,
  type LogConfig,
  maxRelativeOffset,
  Reading,
  type Segment,
  type SegmentStore,
} from './segment.ts'
import type { StoredBatch } from './stored-batch.ts'

const kafkaDefaults = new TopicSettings(new Map(), new Map())

/**
 * The batches of one partition, in segments; the only door to them.
 *
 * State: segments, oldest first, never none; the last one is active: the only one that is appended to. What must stay true:
 * `startOffset` ≤ `highWatermark` ≤ `endOffset`; batches lie in ascending order and do not overlap; from `cleanedTo` on they
 * follow each other without gaps (before it compaction may have left some); a batch that was appended changes no more.
 * Where segments are kept, in memory or in files, only their store knows.
 */
export class PartitionLog {
  /** What the topic says of segments; may change at any time, and counts from the next append. */
  config: LogConfig
  /** Called after each append; `rolled` where it began a new segment. */
  onAppended: (rolled: boolean) => void = () => {}
  readonly #store: SegmentStore
  #segments: Segment[]
  #startOffset: bigint
  #endOffset: bigint
  #highWatermark: bigint
  #watermark: 'at-end' | 'held' = 'at-end'
  #cleanedTo: bigint
  #sizeInBytes = 0
  #cleanBytes = 0
  #unflushedRecords = 0n
  #epochs: EpochStart[]

  constructor(store: SegmentStore = new MemorySegments(), config: LogConfig = kafkaDefaults) {
    const { segments, startOffset, cleanedTo, epochs } = store.loaded
    this.#store = store
    this.config = config
    this.#segments = [...segments]
    this.#startOffset = startOffset
    this.#endOffset = this.#active.endOffset
    this.#highWatermark = this.#endOffset
    this.#cleanedTo = cleanedTo
    this.#epochs = [...epochs]
    for (const { sizeInBytes, endOffset } of segments) {
      this.#sizeInBytes += sizeInBytes
      if (endOffset <= cleanedTo) this.#cleanBytes += sizeInBytes
    }
    invariant(startOffset <= this.#endOffset, 'a log does not begin behind its end')
  }

  /** The first offset that can be read. */
  get startOffset(): bigint {
    return this.#startOffset
  }

  /** The offset that the next record will get. */
  get endOffset(): bigint {
    return this.#endOffset
  }

  /** Records before this offset are visible to consumers. */
  get highWatermark(): bigint {
    return this.#highWatermark
  }

  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  /** How much was appended since the log was last compacted. */
  get dirtyBytes(): number {
    return this.#sizeInBytes - this.#cleanBytes
  }

  /** Records that no `flush` has put on the medium yet. */
  get unflushedRecords(): bigint {
    return this.#unflushedRecords
  }

  /** The epochs of leadership in which something was written that is still here, oldest first. */
  get epochs(): readonly EpochStart[] {
    return this.#epochs
  }

  /** All batches that are left, oldest first. Of a large log take `eachBatch`. */
  batches(): StoredBatch[] {
    return [...this.eachBatch()]
  }

  /** The batches from the one that holds `from` on, one after the other. */
  *eachBatch(from: bigint = this.#startOffset): Generator<StoredBatch> {
    for (const segment of this.#segments.slice(this.#segmentOf(from))) yield* segment.batches(from)
  }

  append(batch: StoredBatch): void {
    invariant(batch.baseOffset === this.#endOffset, 'a batch begins where the log ends')
    invariant(batch.lastOffset >= batch.baseOffset, 'a batch holds at least one offset')
    const rolls = this.#mustRoll(batch)
    if (rolls) this.roll()
    this.#noteEpoch(batch)
    this.#active.append(batch, this.config)
    this.#endOffset = batch.lastOffset + 1n
    this.#sizeInBytes += batch.bytes.length
    this.#unflushedRecords += batch.lastOffset - batch.baseOffset + 1n
    if (this.#watermark === 'at-end') this.#highWatermark = this.#endOffset
    if (this.#unflushedRecords >= this.config.flushMessages) this.flush()
    this.onAppended(rolls)
  }

  /**
   * Lets the high watermark stay behind the log's end: from now on only `setHighWatermark` moves it, until `releaseHighWatermark`.
   * Appending alone moves it to the end at once, as if every replica had the record already.
   */
  holdHighWatermark(): void {
    this.#watermark = 'held'
  }

  releaseHighWatermark(): void {
    this.#watermark = 'at-end'
    this.#highWatermark = this.#endOffset
  }

  /** Moves a held high watermark, within what the log has. */
  setHighWatermark(offset: bigint): void {
    invariant(this.#watermark === 'held', 'only a held high watermark is moved')
    this.#highWatermark = clamp(offset, this.#startOffset, this.#endOffset)
  }

  /**
   * Whole batches from the one that holds `offset` on, no further than the high watermark; from a gap that compaction left,
   * those behind it. The first is given even where it is larger than `maxBytes`, unless `atLeastOne` is false (KIP-74: a
   * consumer must not starve on a large batch).
   */
  read(offset: bigint, maxBytes: number, atLeastOne: boolean): Buffer[] {
    const reading = new Reading(this.#highWatermark, maxBytes, atLeastOne)
    for (let index = this.#segmentOf(offset); index < this.#segments.length && !reading.full; index++)
      this.#segments[index]!.read(offset, reading)
    return reading.found
  }

  /** How many bytes `read` would find, without collecting them. */
  availableBytes(offset: bigint, maxBytes: number): number {
    let size = 0
    for (let index = this.#segmentOf(offset); index < this.#segments.length && size < maxBytes; index++)
      size += this.#segments[index]!.bytesBetween(offset, this.#highWatermark, maxBytes - size)
    return size
  }

  /** The first batch whose highest timestamp is not before `timestamp`. */
  firstBatchAt(timestamp: number): StoredBatch | undefined {
    for (const segment of this.#segments) {
      if (segment.maxTimestamp < timestamp) continue
      const found = segment.firstBatchAt(timestamp, this.#startOffset)
      if (found) return found
    }
    return undefined
  }

  /** The first of the batches that hold the highest timestamp. */
  batchOfMaxTimestamp(): StoredBatch | undefined {
    let newest: Segment | undefined
    for (const segment of this.#segments)
      if (segment.sizeInBytes > 0 && (!newest || segment.maxTimestamp > newest.maxTimestamp)) newest = segment
    return newest?.batchOfMaxTimestamp()
  }

  /**
   * `retention.bytes`. In memory the oldest batches go until at most `maxBytes` are left, and the newest stays; on disk whole
   * segments go as long as `maxBytes` are left without them. Source: UnifiedLog.deleteRetentionSizeBreachedSegments.
   */
  keepBytes(maxBytes: number): void {
    this.#dropFrontWhile(({ bytes, endOffset }) =>
      this.#store.dropsWholeSegments
        ? this.#sizeInBytes - bytes >= maxBytes
        : this.#sizeInBytes > maxBytes && endOffset < this.#endOffset,
    )
  }

  /** `retention.ms`: drops what is wholly older than `timestamp`. Source: UnifiedLog.deleteRetentionMsBreachedSegments. */
  keepNewerThan(timestamp: number): void {
    const expired = (newest: number) => newest >= 0 && newest < timestamp
    if (this.#store.dropsWholeSegments && this.#segments.every(({ maxTimestamp }) => expired(maxTimestamp))) this.roll()
    this.#dropFrontWhile(({ maxTimestamp }) => expired(maxTimestamp))
  }

  /** Moves the start of the log to `offset`, in the middle of a batch if need be. No further than the high watermark. */
  deleteRecordsBefore(offset: bigint): void {
    invariant(offset <= this.#highWatermark, 'only records that consumers can see are deleted')
    if (offset <= this.#startOffset) return
    this.#startOffset = offset
    this.#store.saveStartOffset(offset)
    this.#dropFrontWhile(({ endOffset }) => endOffset <= offset)
  }

  /** Takes back every batch that ends at or after `offset`, as a follower does whose leader does not have them. */
  truncateTo(offset: bigint): void {
    if (offset >= this.#endOffset) return
    for (let last = this.#active; last.baseOffset >= offset && this.#segments.length > 1; last = this.#active) {
      this.#segments.pop()
      last.delete()
    }
    this.#active.truncateTo(offset)
    if (this.#active.endOffset > offset) this.#restartAt(offset)
    this.#endOffset = this.#active.endOffset
    this.#highWatermark = min(this.#highWatermark, this.#endOffset)
    if (this.#startOffset > this.#endOffset) {
      this.#startOffset = this.#endOffset
      this.#store.saveStartOffset(this.#startOffset)
    }
    this.#sizeInBytes = this.#segments.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
    this.#cleanBytes = Math.min(this.#cleanBytes, this.#sizeInBytes)
    const epochs = this.#epochs.filter(({ startOffset }) => startOffset < this.#endOffset)
    if (epochs.length < this.#epochs.length) this.#saveEpochs(epochs)
  }

  /** Begins a new segment, unless the active one is empty. */
  roll(): void {
    if (this.#active.sizeInBytes === 0 && this.#active.baseOffset === this.#endOffset) return
    this.#active.seal()
    this.#segments.push(this.#store.create(this.#endOffset))
  }

  /** The segments before the active one that end no later than `limit`: what may be compacted, oldest first. */
  sealedSegments(limit: bigint): readonly Segment[] {
    return this.#segments.slice(0, -1).filter(({ endOffset }) => endOffset <= limit)
  }

  /** Offsets before `offset` may have gaps from now on. */
  markCleaned(offset: bigint): void {
    if (offset <= this.#cleanedTo) return
    this.#store.saveCleanedTo(offset)
    this.#cleanedTo = offset
  }

  /** Puts a segment with these batches in the place of segments that follow each other. */
  replaceSegments(old: readonly Segment[], batches: Iterable<StoredBatch>): void {
    const at = this.#segments.indexOf(old[0]!)
    invariant(at >= 0 && at + old.length < this.#segments.length, 'the active segment is not replaced')
    const end = old.at(-1)!.endOffset
    const before = old.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
    const replacement = this.#store.replace(old, batches, this.config)
    this.#segments.splice(at, old.length, replacement)
    invariant(replacement.endOffset === end, 'a cleaned segment ends where the old ones ended')
    this.#sizeInBytes += replacement.sizeInBytes - before
  }

  /** Counts as compacted what now lies before the active segment. */
  noteCompacted(): void {
    this.#cleanBytes = this.#sizeInBytes - this.#active.sizeInBytes
  }

  /** Puts on the medium what was written (fsync). */
  flush(): void {
    if (this.#unflushedRecords === 0n) return
    for (const segment of this.#segments) segment.flush()
    this.#unflushedRecords = 0n
  }

  /** Writes what is still to be written and gives back files. */
  close(): void {
    for (const segment of this.#segments) segment.close()
  }

  get #active(): Segment {
    return this.#segments.at(-1)!
  }

  /** Source: LogSegment.shouldRoll. */
  #mustRoll({ bytes, lastOffset, maxTimestamp }: StoredBatch): boolean {
    const { sizeInBytes, firstTimestamp, baseOffset } = this.#active
    if (lastOffset - baseOffset > maxRelativeOffset || this.#active.isFull(this.config)) return true
    if (sizeInBytes === 0) return false
    if (sizeInBytes > this.config.segmentBytes - bytes.length) return true
    return firstTimestamp >= 0 && maxTimestamp - firstTimestamp > this.config.segmentMs
  }

  #noteEpoch({ leaderEpoch, baseOffset }: StoredBatch): void {
    if (leaderEpoch > (this.#epochs.at(-1)?.epoch ?? -1))
      this.#saveEpochs([...this.#epochs, { epoch: leaderEpoch, startOffset: baseOffset }])
  }

  #saveEpochs(epochs: EpochStart[]): void {
    this.#epochs = epochs
    this.#store.saveEpochs(epochs)
  }

  #dropFrontWhile(may: (front: Front) => boolean): void {
    const startOffset = this.#startOffset
    for (;;) {
      const segment = this.#segments[0]!
      const isActive = this.#segments.length === 1
      const front = segment.front()
      if (!front && isActive) break
      if (!front) {
        this.#segments.shift()
        continue
      }
      if (isActive && this.#store.dropsWholeSegments) break
      if (front.endOffset > this.#highWatermark || !may(front)) break
      segment.dropFront()
      this.#sizeInBytes -= front.bytes
      this.#cleanBytes = Math.max(0, this.#cleanBytes - front.bytes)
      if (front.endOffset > this.#startOffset) this.#startOffset = front.endOffset
    }
    if (this.#startOffset > startOffset) this.#forgetOldEpochs()
  }

  /** The first epoch that is left begins no earlier than the log. Source: LeaderEpochFileCache.truncateFromStartAsyncFlush. */
  #forgetOldEpochs(): void {
    const current = this.#epochs.findLastIndex(({ startOffset }) => startOffset <= this.#startOffset)
    if (current < 0) return
    const [first, ...later] = this.#epochs.slice(current)
    if (current === 0 && first!.startOffset === this.#startOffset) return
    this.#saveEpochs([{ epoch: first!.epoch, startOffset: this.#startOffset }, ...later])
  }

  /** Begins anew with an empty segment: the only one left begins behind the end. */
  #restartAt(offset: bigint): void {
    this.#active.delete()
    this.#segments = [this.#store.create(offset)]
  }

  /** Index of the segment that holds `offset`, or of the first one. */
  #segmentOf(offset: bigint): number {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

const min = (a: bigint, b: bigint) => (a < b ? a : b)
const clamp = (value: bigint, low: bigint, high: bigint) => (value < low ? low : value > high ? high : value)
