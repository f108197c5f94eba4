import { type Dirent, existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { partitionLeaderEpochAt } from '../../wire/protocol/records/batch-layout.ts'
import type { EpochStart, LoadedLog } from '../log/segment.ts'
import { type DiskResources, DiskSegment, segmentName } from './disk-segment.ts'
import { LogFile } from './open-files.ts'
import { cleanedSuffix, epochsFile, epochsText, swapSuffix } from './partition-folder.ts'
import { replaceFile, unfinished } from './replace-file.ts'
import { scanSegment } from './segment-scan.ts'

/** What is known of a partition before its folder is read. */
export interface LoadOptions {
  readonly resources: DiskResources
  readonly indexIntervalBytes: number
  /** Where the log begins, as last saved. */
  readonly startOffset: bigint
  /** Offsets from here on have no gaps. */
  readonly cleanedTo: bigint
  /** The newest epoch that the partition can have had. */
  readonly leaderEpoch: number
  /** Given every good batch, oldest first; the bytes are only lent. */
  readonly onBatch: (bytes: Buffer) => void
  readonly warn: (message: string) => void
}

const maxOffset = 2n ** 63n - 1n
const ourFiles = /^(partition\.metadata|leader-epoch-checkpoint|\d{20}\.(log|index|timeindex|snapshot|txnindex))$/

/**
 * Reads the folder of a partition: ends what a crash has interrupted, cuts off what is not as it was written, and makes the
 * indexes anew. Nothing that it may find there makes it fail. Source: LogLoader.
 */
export function loadPartition(folder: string, options: LoadOptions): LoadedLog {
  const { resources, warn } = options
  tidy(folder, warn)
  finishSwaps(folder, options)
  const bases = segmentBases(folder)
  const segments: DiskSegment[] = []
  const epochs: EpochStart[] = []
  let nextOffset = bases[0] ?? 0n
  for (const [index, base] of bases.entries()) {
    // Between segments a gap is only told: what is behind it was written as it is.
    if (base > nextOffset && base > options.cleanedTo)
      warn(`${folder}: nothing is there between offsets ${nextOffset} and ${base}`)
    const segment = new DiskSegment(folder, base, resources, 'there')
    const file = new LogFile(resources.files, `${folder}/${segmentName(base)}.log`)
    const rules = { from: base, withoutGapsFrom: options.cleanedTo, before: bases[index + 1] ?? maxOffset }
    const end = scanSegment(file, rules, (place, bytes) => {
      segment.load(place, options.indexIntervalBytes)
      noteEpoch(epochs, bytes.readInt32BE(partitionLeaderEpochAt), place.baseOffset, options.leaderEpoch)
      options.onBatch(bytes)
    })
    segments.push(segment)
    nextOffset = end.nextOffset
    if (end.problem !== null) {
      warn(cutMessage(`${file.path}`, end.position, file.size(), end.problem, bases.length - index - 1))
      file.truncate(end.position)
    }
    file.close()
    if (end.problem !== null) {
      for (const later of bases.slice(index + 1).reverse()) deleteSegment(folder, later)
      break
    }
  }
  return begin(folder, segments, epochs, options)
}

function begin(folder: string, segments: DiskSegment[], epochs: EpochStart[], options: LoadOptions): LoadedLog {
  const { resources, warn, cleanedTo } = options
  const first = segments[0]?.baseOffset ?? 0n
  const startOffset = options.startOffset > first ? options.startOffset : first
  const end = segments.at(-1)?.endOffset ?? 0n
  if (segments.length === 0 || startOffset > end) {
    if (segments.length > 0)
      warn(`${folder}: the log begins at offset ${startOffset}, but what is there ends at ${end}`)
    for (const segment of segments.splice(0).reverse()) segment.delete()
    segments.push(new DiskSegment(folder, startOffset, resources, 'new'))
    epochs.length = 0
  }
  for (const segment of segments.slice(0, -1)) segment.seal()
  segments.at(-1)!.writeIndexes()
  const text = epochsText(epochs)
  if (epochs.length > 0 && textOf(`${folder}/${epochsFile}`) !== text)
    replaceFile(`${folder}/${epochsFile}`, text, false)
  return { segments, startOffset, cleanedTo, epochs }
}

function cutMessage(path: string, position: number, size: number, problem: string, later: number): string {
  const segments = later === 0 ? '' : `, with ${later} later segment${later === 1 ? '' : 's'}`
  return `${path}: ${problem}; the last ${size - position} bytes are cut off${segments}`
}

/** An epoch that lies outside of what the partition has had is a flipped bit, which no CRC covers. */
function noteEpoch(epochs: EpochStart[], epoch: number, startOffset: bigint, newest: number): void {
  if (epoch >= 0 && epoch <= newest && epoch > (epochs.at(-1)?.epoch ?? -1)) epochs.push({ epoch, startOffset })
}

/** Removes what is unfinished, and tells of what is not ours. */
function tidy(folder: string, warn: (message: string) => void): void {
  for (const entry of entriesOf(folder)) {
    const { name } = entry
    const path = `${folder}/${name}`
    const leftOver = name.endsWith(cleanedSuffix) || name.endsWith('.deleted') || name.endsWith(unfinished)
    if (entry.isFile() && leftOver) rmSync(path)
    else if (!entry.isFile() && (ourFiles.test(name) || name.endsWith(swapSuffix) || leftOver)) setAside(path, warn)
    else if (!ourFiles.test(name) && !/^\d{20}\.log\.swap$/.test(name))
      warn(`${path} is no file of a log; it is left alone`)
  }
  const bases = new Set(segmentBases(folder).map(segmentName))
  const swaps = new Set(entriesOf(folder).flatMap(({ name }) => (name.endsWith(swapSuffix) ? [name.slice(0, 20)] : [])))
  for (const { name } of entriesOf(folder))
    if (/^\d{20}\.(index|timeindex)$/.test(name) && !bases.has(name.slice(0, 20)) && !swaps.has(name.slice(0, 20)))
      rmSync(`${folder}/${name}`)
}

/** A whole segment of compaction takes the place of those it was made from. Source: LogLoader.removeTempFilesAndCollectSwapFiles. */
function finishSwaps(folder: string, { resources, warn }: LoadOptions): void {
  for (const { name } of entriesOf(folder)) {
    if (!/^\d{20}\.log\.swap$/.test(name)) continue
    const base = BigInt(name.slice(0, 20))
    const swap = new LogFile(resources.files, `${folder}/${name}`)
    const end = scanSegment(swap, { from: base, withoutGapsFrom: maxOffset, before: maxOffset }, () => {})
    swap.close()
    const log = `${folder}/${segmentName(base)}.log`
    if (end.problem !== null && existsSync(log)) {
      warn(`${swap.path}: ${end.problem}; it is dropped, for what it was made from is still there`)
      rmSync(swap.path)
      continue
    }
    for (const old of segmentBases(folder).reverse())
      if (old >= base && old < end.nextOffset) deleteSegment(folder, old)
    renameSync(swap.path, log)
  }
}

function deleteSegment(folder: string, base: bigint): void {
  for (const suffix of ['index', 'timeindex', 'log'])
    rmSync(`${folder}/${segmentName(base)}.${suffix}`, { force: true })
}

function segmentBases(folder: string): bigint[] {
  return entriesOf(folder)
    .filter(({ name }) => /^\d{20}\.log$/.test(name) && BigInt(name.slice(0, 20)) < maxOffset)
    .map(({ name }) => BigInt(name.slice(0, 20)))
    .sort((a, b) => (a < b ? -1 : 1))
}

/** Something else has the name of a file that is needed. */
export function setAside(path: string, warn: (message: string) => void): void {
  let aside = `${path}.stray`
  for (let count = 1; existsSync(aside); count++) aside = `${path}.${count}.stray`
  renameSync(path, aside)
  warn(`${path} is in the way; it is called ${aside} now`)
}

const entriesOf = (folder: string): Dirent[] => readdirSync(folder, { withFileTypes: true })

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}
