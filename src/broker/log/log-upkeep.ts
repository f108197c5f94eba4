import type { Clock, Timer } from '../../base/time/clock.ts'
import type { Partition, Topic } from '../topic.ts'
import { type CompactionResult, compactLog } from './compaction.ts'
import type { MemoryUse } from './memory-segment.ts'

/** Kafka's `log.retention.check.interval.ms`. */
const retentionCheckMs = 5 * 60 * 1000
/** Kafka's `producer.id.expiration.ms` and `producer.id.expiration.check.interval.ms`. */
const producerIdExpirationMs = 24 * 60 * 60 * 1000
const producerIdCheckMs = 10 * 60 * 1000
/** Internal topics are compacted when more than this was appended since the last time, and it is the larger part of the log. */
const dirtyEnoughBytes = 1024 * 1024

export interface UpkeepSettings {
  readonly clock: Clock
  readonly topics: () => readonly Topic[]
  readonly memory: MemoryUse
  readonly maxMemoryBytes: number
  readonly warn: (message: string) => void
}

/** Keeps the logs within their bounds: retention, compaction, memory, and `flush.ms`; forgets producers that are long gone. */
export class LogUpkeep {
  readonly #settings: UpkeepSettings
  readonly #flushes = new Map<Partition, Timer>()
  readonly #toCompact = new Set<Partition>()
  readonly #checks = new Map<string, Timer>()
  #dropped: 'nothing' | 'told' = 'nothing'

  constructor(settings: UpkeepSettings) {
    this.#settings = settings
  }

  /** Begins the periodic checks. */
  start(): void {
    this.#every(retentionCheckMs, 'retention', () => this.applyRetention())
    this.#every(producerIdCheckMs, 'producer id expiration', () => this.#expireProducers())
  }

  stop(): void {
    for (const timer of this.#checks.values()) timer.cancel()
    this.#checks.clear()
    for (const timer of this.#flushes.values()) timer.cancel()
    this.#flushes.clear()
  }

  /** Looks after a partition from its next append on. */
  watch(topic: Topic, partition: Partition): void {
    partition.log.onAppended = rolled => {
      // Old timestamps alone drop nothing here: as in Kafka, age counts when the check comes round.
      if (rolled) this.#keepBytes(topic, partition)
      if (partition.log.unflushedRecords > 0n) this.#flushLater(topic, partition)
      if (topic.isInternal) this.#compactLater(topic, partition)
      if (this.#settings.memory.bytes > this.#settings.maxMemoryBytes) this.#freeMemory()
    }
  }

  /** A deleted topic is nobody's any more. */
  forget(partition: Partition): void {
    this.#flushes.get(partition)?.cancel()
    this.#flushes.delete(partition)
    this.#toCompact.delete(partition)
  }

  /** Drops what `retention.ms` and `retention.bytes` of each topic allow. */
  applyRetention(): void {
    for (const topic of this.#settings.topics())
      for (const partition of topic.partitions) this.#retain(topic, partition)
  }

  /** By the time of their records: producers that write old ones are forgotten early, as in Kafka. */
  #expireProducers(): void {
    const before = this.#settings.clock.wallTime() - producerIdExpirationMs
    for (const { partitions } of this.#settings.topics())
      for (const { producers } of partitions) producers.expire(before)
  }

  /** Compacts a partition, what was written just now included. */
  compact(topic: Topic, partition: Partition): CompactionResult {
    const { log, producers } = partition
    log.roll()
    const result = compactLog(log, {
      now: this.#settings.clock.wallTime(),
      limit: partition.lastStableOffset,
      deleteRetentionMs: topic.settings.deleteRetentionMs,
      minCompactionLagMs: topic.settings.minCompactionLagMs,
      producers: producers.snapshot(),
      isAborted: (producerId, offset) => producers.isAborted(producerId, offset),
    })
    producers.forgetAborted(result.droppedMarkers)
    return result
  }

  #every(ms: number, what: string, act: () => void): void {
    const run = () => {
      this.#guarded(what, act)
      this.#every(ms, what, act)
    }
    this.#checks.set(what, this.#settings.clock.schedule(run, ms, true))
  }

  #retain(topic: Topic, partition: Partition): void {
    const { deletes, retentionMs } = topic.settings
    if (deletes && retentionMs >= 0) partition.log.keepNewerThan(this.#settings.clock.wallTime() - retentionMs)
    this.#keepBytes(topic, partition)
  }

  #keepBytes({ settings }: Topic, { log, producers }: Partition): void {
    if (!settings.deletes) return
    if (settings.retentionBytes >= 0) log.keepBytes(settings.retentionBytes)
    producers.dropBefore(log.startOffset)
  }

  #flushLater({ settings }: Topic, partition: Partition): void {
    if (settings.flushMs > Number.MAX_SAFE_INTEGER || this.#flushes.has(partition)) return
    const flush = () => {
      this.#flushes.delete(partition)
      this.#guarded('flush', () => partition.log.flush())
    }
    this.#flushes.set(partition, this.#settings.clock.schedule(flush, settings.flushMs, true))
  }

  #compactLater(topic: Topic, partition: Partition): void {
    const { dirtyBytes, sizeInBytes } = partition.log
    if (dirtyBytes <= dirtyEnoughBytes || dirtyBytes < sizeInBytes * topic.settings.minCleanableDirtyRatio) return
    if (this.#toCompact.has(partition)) return
    this.#toCompact.add(partition)
    this.#settings.clock.atEndOfTurn(() => {
      // Deleted or closed in the meantime.
      if (!this.#toCompact.delete(partition)) return
      this.#guarded('compaction', () => this.compact(topic, partition))
    })
  }

  /** The oldest batches of the largest partitions go, a little more than must, so that not every append has to look. */
  #freeMemory(): void {
    const { memory, maxMemoryBytes } = this.#settings
    const target = maxMemoryBytes - Math.floor(maxMemoryBytes / 32)
    const candidates = this.#settings
      .topics()
      .filter(({ isInternal }) => !isInternal)
      .flatMap(({ partitions }) => partitions)
      .sort((a, b) => b.log.sizeInBytes - a.log.sizeInBytes)
    for (const { topic, log, producers } of candidates) {
      if (memory.bytes <= target) return
      const before = log.sizeInBytes
      log.keepBytes(Math.max(0, log.sizeInBytes - (memory.bytes - target)))
      producers.dropBefore(log.startOffset)
      if (log.sizeInBytes === before || this.#dropped === 'told') continue
      this.#dropped = 'told'
      this.#settings.warn(
        `the records in memory are more than maxMemoryBytes (${maxMemoryBytes}): the oldest of ${topic} are dropped, and so it goes on; set maxMemoryBytes, retention.bytes or dataDir`,
      )
    }
  }

  /** What nobody waits for must not end the process when a disk fails. */
  #guarded(what: string, act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#settings.warn(`${what} failed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
