import { readFileSync } from 'node:fs'
import { replaceFile } from './replace-file.ts'

/**
 * Kafka's checkpoint files: a line with the version, 0, one with the number of entries, then one of words for each. Gives the
 * entries, or null where the file is missing or says something else. Source: CheckpointFile.
 */
export function readCheckpoint(path: string): {
  readonly entries: readonly string[][] | null
  readonly exists: boolean
} {
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch {
    return { entries: null, exists: false }
  }
  const [version, count, ...lines] = text.trimEnd().split('\n')
  if (version !== '0' || !/^\d{1,9}$/.test(count ?? '') || Number(count) !== lines.length)
    return { entries: null, exists: true }
  return { entries: lines.map(line => line.split(' ')), exists: true }
}

export const checkpointText = (entries: readonly (readonly unknown[])[]): string =>
  `0\n${entries.length}\n${entries.map(entry => `${entry.join(' ')}\n`).join('')}`

/** A checkpoint of one offset for each partition, `topic partition offset`, as lies beside the partitions' folders. */
export class OffsetCheckpoint {
  readonly path: string
  readonly #offsets = new Map<string, bigint>()
  /** The file was there and could not be read. */
  readonly damaged: boolean

  constructor(path: string) {
    this.path = path
    const { entries, exists } = readCheckpoint(path)
    const good = (entries ?? []).filter(entry => entry.length === 3 && /^\d{1,18}$/.test(entry[2]!))
    this.damaged = exists && good.length !== entries?.length
    for (const [topic, partition, offset] of good) this.#offsets.set(`${topic} ${partition}`, BigInt(offset!))
  }

  get(topic: string, partition: number): bigint | undefined {
    return this.#offsets.get(`${topic} ${partition}`)
  }

  set(topic: string, partition: number, offset: bigint): void {
    this.#offsets.set(`${topic} ${partition}`, offset)
    this.#write()
  }

  /** Forgets all partitions of a topic. */
  forget(topic: string): void {
    const before = this.#offsets.size
    for (const key of [...this.#offsets.keys()]) if (key.startsWith(`${topic} `)) this.#offsets.delete(key)
    if (this.#offsets.size < before) this.#write()
  }

  #write(): void {
    replaceFile(this.path, checkpointText([...this.#offsets]))
  }
}
