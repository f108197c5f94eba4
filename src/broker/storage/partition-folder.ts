import { renameSync } from 'node:fs'
import type { EpochStart, LoadedLog, LogConfig, Segment, SegmentStore } from '../log/segment.ts'
import { placeOf, type StoredBatch } from '../log/stored-batch.ts'
import { checkpointText } from './checkpoint-file.ts'
import { type DiskResources, DiskSegment, segmentName } from './disk-segment.ts'
import { LogFile, StorageError } from './open-files.ts'
import { flushFolder, replaceFile } from './replace-file.ts'

export const epochsFile = 'leader-epoch-checkpoint'
/** A segment that compaction is writing. Left over, it is worth nothing: what it was made from is still there. */
export const cleanedSuffix = '.log.cleaned'
/** A whole segment of compaction, which takes the place of those it was made from. */
export const swapSuffix = '.log.swap'

/** Offsets of one log that are kept beside the partitions' folders. */
export interface LogOffsets {
  saveStartOffset(offset: bigint): void
  saveCleanedTo(offset: bigint): void
}

/** The folder of one partition, `topic-0`, with its segments. */
export class PartitionFolder implements SegmentStore {
  readonly dropsWholeSegments = true
  readonly loaded: LoadedLog
  readonly path: string
  readonly #resources: DiskResources
  readonly #offsets: LogOffsets

  constructor(path: string, resources: DiskResources, offsets: LogOffsets, loaded: LoadedLog) {
    this.path = path
    this.#resources = resources
    this.#offsets = offsets
    this.loaded = loaded
  }

  create(baseOffset: bigint): Segment {
    return new DiskSegment(this.path, baseOffset, this.#resources, 'new')
  }

  /**
   * Source: UnifiedLog.replaceSegments. A crash before the first renaming leaves the old segments alone; after it the new one
   * is whole, and the next start goes on from there.
   */
  replace(old: readonly Segment[], batches: Iterable<StoredBatch>, config: LogConfig): Segment {
    const { baseOffset } = old[0]!
    const path = `${this.path}/${segmentName(baseOffset)}`
    const places = this.#writeCleaned(path + cleanedSuffix, batches)
    this.#rename(path + cleanedSuffix, path + swapSuffix)
    for (const segment of old) segment.delete()
    this.#rename(path + swapSuffix, `${path}.log`)
    const segment = new DiskSegment(this.path, baseOffset, this.#resources, 'there')
    for (const place of places) segment.load(place, config.indexIntervalBytes)
    segment.seal()
    return segment
  }

  saveStartOffset(offset: bigint): void {
    this.#offsets.saveStartOffset(offset)
  }

  saveCleanedTo(offset: bigint): void {
    this.#offsets.saveCleanedTo(offset)
  }

  saveEpochs(epochs: readonly EpochStart[]): void {
    // The batches say the same, so that it need not be flushed.
    replaceFile(`${this.path}/${epochsFile}`, epochsText(epochs), false)
  }

  #writeCleaned(path: string, batches: Iterable<StoredBatch>) {
    const file = new LogFile(this.#resources.files, path)
    const places = []
    let position = 0
    file.truncate(0)
    for (const { bytes } of batches) {
      file.write(bytes, position)
      places.push(placeOf(bytes, 0, position))
      position += bytes.length
    }
    file.sync()
    file.close()
    return places
  }

  #rename(from: string, to: string): void {
    try {
      renameSync(from, to)
    } catch (error) {
      throw new StorageError('rename', from, error)
    }
    flushFolder(this.path)
  }
}

export const epochsText = (epochs: readonly EpochStart[]): string =>
  checkpointText(epochs.map(({ epoch, startOffset }) => [epoch, startOffset]))
