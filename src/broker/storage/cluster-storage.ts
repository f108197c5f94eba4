import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { producerIdAt } from '../../wire/protocol/records/batch-layout.ts'
import type { LogConfig, SegmentStore } from '../log/segment.ts'
import { OffsetCheckpoint } from './checkpoint-file.ts'
import type { DiskResources } from './disk-segment.ts'
import { FolderLock } from './folder-lock.ts'
import { loadPartition, setAside } from './load-partition.ts'
import { emptyState, type Meta, metaText, readMeta, type StoredState, writeMeta } from './meta-file.ts'
import { OpenFiles } from './open-files.ts'
import { PartitionFolder } from './partition-folder.ts'
import { metadataFile, readTopicId, topicsInFolder, writeTopicId } from './partition-metadata.ts'
import { unfinished } from './replace-file.ts'
import { TailCache } from './tail-cache.ts'

/** As many as Kafka gives a broker at once (ProducerIdsBlock). */
const producerIdBlock = 1_000n

const ownFiles =
  /^(meta\.json|\.lock(\..*)?|(log-start-offset|cleaner-offset|recovery-point-offset|replication-offset)-checkpoint)$/
const deletedFolder = /\.[A-Za-z0-9_-]{22}-delete$/

export interface StorageOptions {
  /** A cluster that has none yet gets this id. */
  readonly newClusterId: () => string
  /** Told what is stray or damaged, and what was done about it. */
  readonly warn: (message: string) => void
}

/** What a log is opened with. */
export interface OpenLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly config: LogConfig
  /** Given every batch that is there, oldest first; the bytes are only lent. */
  readonly onBatch: (bytes: Buffer) => void
}

/**
 * A data folder: `meta.json`, one folder for each partition, and Kafka's checkpoint files. Opened by one broker at a time.
 *
 * What must stay true: what a client was told is in the folder when it is told (topics, configuration, leader epochs and ids in
 * `meta.json`, records in their logs). A topic that is deleted stands under `deleting` before its folders go, so that none of
 * them comes back.
 */
export class ClusterStorage {
  readonly folder: string
  clusterId: string
  /** What to begin with. */
  readonly state: StoredState
  readonly #lock: FolderLock
  readonly #warn: (message: string) => void
  readonly #resources: DiskResources = { files: new OpenFiles(), cache: new TailCache() }
  readonly #startOffsets: OffsetCheckpoint
  readonly #cleanedTo: OffsetCheckpoint
  readonly #removals = new Set<Promise<void>>()
  #deleting: { name: string; id: string }[]
  #nextProducerId: bigint
  /** What the file says. */
  #saved: string
  /** `meta.json` was lost: ids that stand in the logs are not given again. */
  readonly #learnsProducerIds: boolean
  #describe: (() => StoredState) | null = null
  #saving: 'at-once' | 'later' | 'due' = 'at-once'

  private constructor(folder: string, lock: FolderLock, options: StorageOptions) {
    this.folder = folder
    this.#lock = lock
    this.#warn = options.warn
    const { meta, problem } = readMeta(folder)
    const known: Meta = meta ?? this.#metaOfFolders(options.newClusterId())
    if (problem) {
      this.#warn(
        `${folder}/meta.json cannot be read (${problem}): topics are taken from their folders, with default configuration`,
      )
      setAside(`${folder}/meta.json`, this.#warn)
    }
    this.clusterId = known.clusterId
    this.state = known
    this.#nextProducerId = known.nextProducerId
    this.#learnsProducerIds = meta === null
    this.#deleting = [...known.deleting]
    this.#saved = meta ? metaText(meta) : ''
    this.#startOffsets = new OffsetCheckpoint(`${folder}/log-start-offset-checkpoint`)
    this.#cleanedTo = new OffsetCheckpoint(`${folder}/cleaner-offset-checkpoint`)
    for (const { path, damaged } of [this.#startOffsets, this.#cleanedTo])
      if (damaged) this.#warn(`${path} is damaged; what can be read of it is taken`)
  }

  /** @throws KafkaError `DATA_DIR_IN_USE` or `DATA_DIR_FORMAT`, StorageError where the folder cannot be written. */
  static open(dataDir: string, options: StorageOptions): ClusterStorage {
    const folder = resolve(dataDir)
    const lock = FolderLock.take(folder)
    try {
      const storage = new ClusterStorage(folder, lock, options)
      storage.#tidy()
      return storage
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** From now on `describe` tells what is to be kept; it is written at once. */
  begin(describe: () => StoredState): void {
    this.#describe = describe
    this.changed()
  }

  /** Reads the log of a partition, or begins an empty one. */
  openLog({ topic, topicId, partition, leaderEpoch, config, onBatch }: OpenLog): SegmentStore {
    const path = `${this.folder}/${topic}-${partition}`
    if (existsSync(path) && !this.#belongs(path, topicId)) setAside(path, this.#warn)
    mkdirSync(path, { recursive: true })
    if (readTopicId(path) !== topicId) {
      if (existsSync(`${path}/${metadataFile}`)) {
        if (!statSync(`${path}/${metadataFile}`).isFile()) setAside(`${path}/${metadataFile}`, this.#warn)
        else this.#warn(`${path}/${metadataFile} cannot be read; it is written anew`)
      }
      writeTopicId(path, topicId)
    }
    const loaded = loadPartition(path, {
      resources: this.#resources,
      indexIntervalBytes: config.indexIntervalBytes,
      startOffset: this.#startOffsets.get(topic, partition) ?? 0n,
      // A damaged checkpoint says nothing; better to take a gap for a cleaned one than to drop what is behind it.
      cleanedTo: this.#cleanedTo.damaged ? 2n ** 62n : (this.#cleanedTo.get(topic, partition) ?? 0n),
      leaderEpoch,
      onBatch: bytes => {
        if (this.#learnsProducerIds) this.#learnProducerId(bytes.readBigInt64BE(producerIdAt))
        onBatch(bytes)
      },
      warn: this.#warn,
    })
    const offsets = {
      saveStartOffset: (offset: bigint) => this.#startOffsets.set(topic, partition, offset),
      saveCleanedTo: (offset: bigint) => this.#cleanedTo.set(topic, partition, offset),
    }
    return new PartitionFolder(path, this.#resources, offsets, loaded)
  }

  /** Topics, configuration, quotas or leaders are others now. */
  changed(): void {
    if (this.#saving === 'later') this.#saving = 'due'
    if (this.#saving === 'at-once') this.#save()
  }

  /** Writes once for all changes that `change` makes. */
  together<T>(change: () => T): T {
    if (this.#saving !== 'at-once') return change()
    this.#saving = 'later'
    try {
      return change()
    } finally {
      const due = (this.#saving as string) === 'due'
      this.#saving = 'at-once'
      if (due) this.#save()
    }
  }

  /** The topic is no longer described. Its folders are renamed at once, and removed in their own time. */
  topicDeleted(name: string, id: string, partitions: number): void {
    this.#deleting.push({ name, id })
    this.#save()
    for (let partition = 0; partition < partitions; partition++) {
      const path = `${this.folder}/${name}-${partition}`
      const renamed = this.#deletedName(name, partition, id)
      try {
        renameSync(path, renamed)
      } catch (error) {
        this.#warn(`${path} cannot be deleted: ${String(error)}`)
        continue
      }
      this.#remove(renamed)
    }
    this.#startOffsets.forget(name)
    this.#cleanedTo.forget(name)
    this.#deleting = this.#deleting.filter(topic => topic.id !== id)
  }

  /** The first of a thousand producer ids that nobody had, and the end of them. */
  takeProducerIds(): { readonly first: bigint; readonly end: bigint } {
    const first = this.#nextProducerId
    this.#nextProducerId += producerIdBlock
    this.#save()
    return { first, end: this.#nextProducerId }
  }

  /** The logs are closed already. */
  async close(): Promise<void> {
    this.#resources.files.closeAll()
    await Promise.all(this.#removals)
    this.#lock.release()
  }

  #save(): void {
    if (!this.#describe) return
    const { clusterId } = this
    const nextProducerId = this.#nextProducerId
    const text = metaText({ clusterId, nextProducerId, ...this.#describe(), deleting: this.#deleting })
    if (text === this.#saved) return
    writeMeta(this.folder, text)
    this.#saved = text
  }

  /** Whether a folder can be that of a topic: it says so, or says nothing. */
  #belongs(path: string, topicId: string): boolean {
    if (!statSync(path).isDirectory()) return false
    const found = readTopicId(path)
    return found === null || found === topicId
  }

  #metaOfFolders(clusterId: string): Meta {
    const topics = topicsInFolder(this.folder)
    if (topics.length > 0 && !existsSync(`${this.folder}/meta.json`))
      this.#warn(`${this.folder} has no meta.json: topics are taken from their folders, with default configuration`)
    return { ...emptyState, clusterId, nextProducerId: 0n, topics, deleting: [] }
  }

  #learnProducerId(id: bigint): void {
    if (id >= this.#nextProducerId && id < 2n ** 53n)
      this.#nextProducerId = (id / producerIdBlock + 1n) * producerIdBlock
  }

  /** Ends what a crash has interrupted, and tells of what is not ours. */
  #tidy(): void {
    for (const { name, id } of this.#deleting)
      for (const folder of readdirSync(this.folder))
        if (folder.slice(0, folder.lastIndexOf('-')) === name && readTopicId(`${this.folder}/${folder}`) === id)
          rmSync(`${this.folder}/${folder}`, { recursive: true })
    this.#deleting = []
    const partitions = new Set(
      this.state.topics.flatMap(topic => topic.partitions.map((_, index) => `${topic.name}-${index}`)),
    )
    for (const entry of readdirSync(this.folder, { withFileTypes: true })) {
      const { name } = entry
      const path = `${this.folder}/${name}`
      if (entry.isDirectory() && deletedFolder.test(name)) rmSync(path, { recursive: true })
      else if (entry.isFile() && name.endsWith(`${unfinished}`)) rmSync(path)
      else if (!entry.isFile() && ownFiles.test(name)) setAside(path, this.#warn)
      else if (!ownFiles.test(name) && !partitions.has(name) && !name.endsWith('.stray'))
        this.#warn(`${path} belongs to no topic; it is left alone`)
    }
  }

  #deletedName(name: string, partition: number, id: string): string {
    return `${this.folder}/${name.slice(0, 200)}-${partition}.${id}-delete`
  }

  #remove(path: string): void {
    const removal = rm(path, { recursive: true, force: true }).catch((error: unknown) =>
      this.#warn(`${path} cannot be removed: ${String(error)}`),
    )
    this.#removals.add(removal)
    void removal.then(() => this.#removals.delete(removal))
  }
}
