import { batchHeaderSize } from '../../wire/protocol/records/batch-layout.ts'
import type { Front, LogConfig, Reading, Segment } from '../log/segment.ts'
import { type BatchPlace, placeOf, type StoredBatch, storedBatchOf } from '../log/stored-batch.ts'
import { LogFile, type OpenFiles, StorageError } from './open-files.ts'
import { OffsetIndex, offsetEntrySize, TimeIndex, timeEntrySize } from './sparse-index.ts'
import { CachedTail, type TailCache } from './tail-cache.ts'

/** Headers are looked at in pieces of this size: two intervals of the index. */
const scanBytes = 8192

/** Batches are read in pieces of this size, or of their own where that is larger. */
const readBytes = 1024 * 1024

/** What the segments of all logs have in common. */
export interface DiskResources {
  readonly files: OpenFiles
  readonly cache: TailCache
}

/** `00000000000000000042`: files are named after the first offset. */
export const segmentName = (baseOffset: bigint): string => baseOffset.toString().padStart(20, '0')

/**
 * A segment in Kafka's three files. `.log` holds the batches as they are; `.index` and `.timeindex` have an entry about every
 * `index.interval.bytes`, in memory as well. A batch is in the log when its write has returned; the indexes only help to
 * find it, and are made anew at every start. Source: LogSegment.
 */
export class DiskSegment implements Segment {
  readonly baseOffset: bigint
  readonly #resources: DiskResources
  readonly #log: LogFile
  readonly #offsetFile: LogFile
  readonly #timeFile: LogFile
  readonly #offsets = new OffsetIndex()
  readonly #times = new TimeIndex()
  #tail: CachedTail
  #size = 0
  #endOffset: bigint
  #firstTimestamp = -1
  #maxTimestamp = -1
  /** The last offset of the batch that brought the highest timestamp. */
  #maxTimestampAt = 0n
  #bytesSinceEntry = 0
  #state: 'clean' | 'dirty' | 'deleted' = 'clean'

  /** @param state - new: its files are created, what stood there under their names is cut off. */
  constructor(folder: string, baseOffset: bigint, resources: DiskResources, state: 'there' | 'new') {
    const path = `${folder}/${segmentName(baseOffset)}`
    const { files, cache } = resources
    this.baseOffset = baseOffset
    this.#endOffset = baseOffset
    this.#resources = resources
    this.#tail = new CachedTail(cache)
    this.#log = new LogFile(files, `${path}.log`)
    this.#offsetFile = new LogFile(files, `${path}.index`)
    this.#timeFile = new LogFile(files, `${path}.timeindex`)
    if (state === 'new') for (const file of [this.#log, this.#offsetFile, this.#timeFile]) file.truncate(0)
  }

  get endOffset(): bigint {
    return this.#endOffset
  }

  get sizeInBytes(): number {
    return this.#size
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  get firstTimestamp(): number {
    return this.#firstTimestamp
  }

  isFull({ segmentIndexBytes }: LogConfig): boolean {
    // One place in the time index is for the entry that `seal` adds.
    const { count } = this.#offsets
    return (
      count > 0 &&
      (count >= Math.floor(segmentIndexBytes / offsetEntrySize) ||
        this.#times.count >= Math.floor(segmentIndexBytes / timeEntrySize) - 1)
    )
  }

  append(batch: StoredBatch, config: LogConfig): void {
    const { bytes } = batch
    const position = this.#size
    try {
      this.#log.write(bytes, position)
    } catch (error) {
      // Half a batch would be cut off at the next start; it need not wait for that.
      try {
        this.#log.truncate(position)
      } catch {}
      throw error
    }
    this.#state = 'dirty'
    const { offsets, times } = this.#index({ ...batch, position, size: bytes.length }, config.indexIntervalBytes)
    if (offsets) writeLastEntry(this.#offsetFile, this.#offsets.bytes, offsetEntrySize)
    if (times) writeLastEntry(this.#timeFile, this.#times.bytes, timeEntrySize)
    this.#tail.push(batch, position)
  }

  /** Takes a batch that stands in the file already, as the next one. */
  load(place: BatchPlace, indexIntervalBytes: number): void {
    this.#index(place, indexIntervalBytes)
  }

  /** Source: LogSegment.append. */
  #index(place: BatchPlace, indexIntervalBytes: number): { offsets: boolean; times: boolean } {
    const { lastOffset, maxTimestamp, size, position } = place
    if (this.#size === 0) this.#firstTimestamp = maxTimestamp
    if (maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
      this.#maxTimestampAt = lastOffset
    }
    const added = { offsets: false, times: false }
    if (this.#bytesSinceEntry > indexIntervalBytes) {
      this.#offsets.add(this.#relative(lastOffset), position)
      added.offsets = true
      added.times = this.#addTime()
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += size
    this.#size = position + size
    this.#endOffset = lastOffset + 1n
    return added
  }

  #addTime(): boolean {
    return this.#maxTimestamp >= 0 && this.#times.add(this.#maxTimestamp, this.#relative(this.#maxTimestampAt))
  }

  read(offset: bigint, reading: Reading): void {
    const cached = this.#tail.indexOf(offset)
    if (cached === undefined) this.#readFile(offset, reading)
    else this.#readTail(cached, reading)
  }

  #readTail(from: number, reading: Reading): void {
    for (let index = from; ; index++) {
      const entry = this.#tail.at(index)
      if (!entry || !reading.accepts(entry.batch.lastOffset, entry.batch.bytes.length)) return
      reading.add(entry.batch.bytes)
    }
  }

  #readFile(offset: bigint, reading: Reading): void {
    let position = this.#locate(offset)?.position ?? this.#size
    while (position < this.#size) {
      const first = this.#placeAt(position)
      if (!reading.accepts(first.lastOffset, first.size)) return
      const wanted = Math.max(first.size, Math.min(reading.left, readBytes))
      const piece = this.#read(position, Math.min(this.#size - position, wanted))
      let at = 0
      while (piece.length - at >= batchHeaderSize) {
        const { size, lastOffset } = this.#place(piece, at, position + at)
        if (size > piece.length - at) break
        if (!reading.accepts(lastOffset, size)) return
        reading.add(piece.subarray(at, at + size))
        at += size
      }
      position += at
    }
  }

  bytesBetween(offset: bigint, before: bigint): number {
    if (offset >= this.#endOffset || before <= offset) return 0
    const start = this.#positionOf(offset)
    const end = before >= this.#endOffset ? this.#size : this.#positionOf(before)
    return Math.max(0, end - start)
  }

  *batches(offset: bigint): Generator<StoredBatch> {
    for (let position = this.#positionOf(offset); position < this.#size; ) {
      const { size } = this.#placeAt(position)
      yield storedBatchOf(this.#read(position, size))
      position += size
    }
  }

  firstBatchAt(timestamp: number, from: bigint): StoredBatch | undefined {
    const relative = Math.max(this.#times.offsetFor(timestamp), this.#relative(from))
    for (const place of this.#scan(this.#offsets.positionFor(relative)))
      if (place.maxTimestamp >= timestamp && place.lastOffset >= from) return this.#batchAt(place)
    return undefined
  }

  batchOfMaxTimestamp(): StoredBatch | undefined {
    const place = this.#locate(this.#maxTimestampAt)
    return place && this.#batchAt(place)
  }

  front(): Front | undefined {
    if (this.#state === 'deleted') return undefined
    return { endOffset: this.#endOffset, bytes: this.#size, maxTimestamp: this.#maxTimestamp }
  }

  dropFront(): void {
    this.delete()
  }

  truncateTo(offset: bigint): void {
    const first = this.#locate(offset)
    if (!first) return
    this.#log.truncate(first.position)
    this.#tail.clear()
    this.#tail = new CachedTail(this.#resources.cache)
    this.#offsets.truncate(this.#relative(first.baseOffset))
    this.#times.truncate(this.#relative(first.baseOffset))
    this.#size = first.position
    const places = [...this.#scan(0)]
    this.#endOffset = places.length === 0 ? this.baseOffset : places.at(-1)!.lastOffset + 1n
    this.#firstTimestamp = places[0]?.maxTimestamp ?? -1
    this.#maxTimestamp = -1
    for (const { maxTimestamp, lastOffset } of places)
      if (maxTimestamp > this.#maxTimestamp) {
        this.#maxTimestamp = maxTimestamp
        this.#maxTimestampAt = lastOffset
      }
    this.#bytesSinceEntry = 0
    this.#state = 'dirty'
    this.writeIndexes()
  }

  seal(): void {
    this.#addTime()
    this.writeIndexes()
  }

  /** Makes both index files say what is in memory; a file that says so already is left alone. */
  writeIndexes(): void {
    rewrite(this.#offsetFile, this.#offsets.bytes)
    rewrite(this.#timeFile, this.#times.bytes)
  }

  flush(): void {
    if (this.#state !== 'dirty') return
    this.#log.sync()
    this.#state = 'clean'
  }

  close(): void {
    if (this.#state === 'deleted') return
    this.seal()
    for (const file of [this.#log, this.#offsetFile, this.#timeFile]) file.retire()
    this.#tail.clear()
  }

  delete(): void {
    if (this.#state === 'deleted') return
    this.#state = 'deleted'
    this.#tail.clear()
    // The log goes last: indexes without one are swept up at the next start.
    this.#offsetFile.delete()
    this.#timeFile.delete()
    this.#log.delete()
  }

  #relative(offset: bigint): number {
    const relative = offset - this.baseOffset
    return relative <= 0n ? 0 : relative > 0x7fffffffn ? 0x7fffffff : Number(relative)
  }

  #positionOf(offset: bigint): number {
    const cached = this.#tail.indexOf(offset)
    if (cached !== undefined) return this.#tail.at(cached)?.position ?? this.#size
    return this.#locate(offset)?.position ?? this.#size
  }

  /** The place of the first batch that ends at or after `offset`. */
  #locate(offset: bigint): BatchPlace | undefined {
    if (offset >= this.#endOffset) return undefined
    const from = this.#offsets.positionFor(this.#relative(offset))
    for (const place of this.#scan(from)) if (place.lastOffset >= offset) return place
    return undefined
  }

  /** The places of all batches from `position` on, read from their headers alone. */
  *#scan(position: number): Generator<BatchPlace> {
    let piece: Buffer = Buffer.alloc(0)
    let pieceAt = 0
    for (let at = position; at < this.#size; ) {
      if (at + batchHeaderSize > pieceAt + piece.length || at < pieceAt) {
        piece = this.#read(at, Math.min(scanBytes, this.#size - at))
        pieceAt = at
      }
      const place = this.#place(piece, at - pieceAt, at)
      yield place
      at += place.size
    }
  }

  #placeAt(position: number): BatchPlace {
    return this.#place(this.#read(position, batchHeaderSize), 0, position)
  }

  #batchAt({ position, size }: BatchPlace): StoredBatch {
    return storedBatchOf(this.#read(position, size))
  }

  #read(position: number, length: number): Buffer {
    const bytes = this.#log.read(position, length)
    if (bytes.length < length) throw this.#changed(position)
    return bytes
  }

  #place(bytes: Buffer, at: number, position: number): BatchPlace {
    const place = placeOf(bytes, at, position)
    if (place.size < batchHeaderSize || place.lastOffset < place.baseOffset) throw this.#changed(position)
    return place
  }

  /** Somebody else has written to the file since it was verified. */
  #changed(position: number): StorageError {
    return new StorageError('read', this.#log.path, `what was written at ${position} is no longer there`)
  }
}

function writeLastEntry(file: LogFile, bytes: Buffer, entrySize: number): void {
  file.write(bytes.subarray(bytes.length - entrySize), bytes.length - entrySize)
}

function rewrite(file: LogFile, bytes: Buffer): void {
  const size = file.size()
  if (size === bytes.length && file.read(0, size).equals(bytes)) return
  file.truncate(0)
  file.write(bytes, 0)
}
