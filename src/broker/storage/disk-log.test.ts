import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Random, seededRandom } from '../../base/random.ts'
import { encodeBatch } from '../../wire/protocol/records/record-batch.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { storedBatchOf } from '../log/stored-batch.ts'
import { loadPartition } from './load-partition.ts'
import { OpenFiles } from './open-files.ts'
import { PartitionFolder } from './partition-folder.ts'
import { TailCache } from './tail-cache.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ottla-log-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = {
  segmentBytes: 3_000,
  segmentMs: 50_000,
  segmentIndexBytes: 200,
  indexIntervalBytes: 250,
  flushMessages: Number.POSITIVE_INFINITY,
  flushMs: Number.POSITIVE_INFINITY,
}

/** What is kept beside the folder of a log. */
interface Saved {
  startOffset: bigint
  cleanedTo: bigint
}

/** A log in files, of which hardly anything is cached and few files are open at once. */
function openLog(path: string, saved: Saved, cacheBytes: number): { log: PartitionLog; warnings: string[] } {
  const resources = { files: new OpenFiles(3), cache: new TailCache(cacheBytes) }
  const warnings: string[] = []
  const loaded = loadPartition(path, {
    ...{ resources, indexIntervalBytes: config.indexIntervalBytes, ...saved },
    ...{ leaderEpoch: 100, onBatch: () => {}, warn: message => warnings.push(message) },
  })
  const offsets = {
    saveStartOffset: (offset: bigint) => Object.assign(saved, { startOffset: offset }),
    saveCleanedTo: (offset: bigint) => Object.assign(saved, { cleanedTo: offset }),
  }
  return { log: new PartitionLog(new PartitionFolder(path, resources, offsets, loaded), config), warnings }
}

const upTo = (random: Random, limit: number) => Math.floor(random() * limit)

/** The same to both: something that is written, taken back or deleted. */
function change(random: Random, logs: readonly PartitionLog[], step: number): void {
  const [first] = logs
  const { startOffset, endOffset, highWatermark } = first!
  const kind = random()
  if (kind < 0.9) {
    const records = Array.from({ length: 1 + upTo(random, 4) }, () => ({
      timestamp: upTo(random, 1_000) + step * 100,
      value: Buffer.alloc(upTo(random, 300), 120),
    }))
    const bytes = encodeBatch(records, { baseOffset: endOffset, partitionLeaderEpoch: Math.floor(step / 40) })
    for (const log of logs) log.append(storedBatchOf(Buffer.from(bytes)))
  } else if (kind < 0.96) {
    // Only where a batch begins: what both give is then the same to the offset.
    const batches = first!.batches().slice(-4)
    const at = batches.length === 0 ? endOffset : batches[upTo(random, batches.length)]!.baseOffset
    if (at >= startOffset) for (const log of logs) log.truncateTo(at)
  } else {
    const to = startOffset + BigInt(upTo(random, Math.max(1, Number(highWatermark - startOffset) / 2)))
    for (const log of logs) log.deleteRecordsBefore(to)
  }
}

/** What somebody can see of a log, asked in a hundred ways. */
function seen(random: Random, log: PartitionLog): unknown[] {
  const { startOffset, endOffset, highWatermark, epochs } = log
  const answers: unknown[] = [startOffset, endOffset, highWatermark, epochs.at(-1)?.epoch]
  const anyOffset = () => startOffset + BigInt(upTo(random, Number(endOffset - startOffset) + 1))
  for (let ask = 0; ask < 25; ask++) {
    const offset = anyOffset()
    const maxBytes = upTo(random, 3_000)
    answers.push(Buffer.concat(log.read(offset, maxBytes, random() < 0.5)).toString('latin1'))
    answers.push(log.availableBytes(offset, maxBytes) >= maxBytes)
    answers.push(log.availableBytes(offset, Number.MAX_SAFE_INTEGER))
    answers.push(log.firstBatchAt(upTo(random, 30_000))?.baseOffset)
  }
  answers.push([...log.eachBatch(anyOffset())].map(({ baseOffset }) => baseOffset))
  return answers
}

test('a log in files gives what a log in memory gives, with any cache, over truncations and starts', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const path = join(folder, `log-${seed}`)
    const random = seededRandom(seed)
    const saved = { startOffset: 0n, cleanedTo: 0n }
    const cacheBytes = [0, 700, 100_000][seed % 3]!
    const memory = new PartitionLog(undefined, { ...config, segmentBytes: 2 ** 31 })
    mkdirSync(path)
    let disk = openLog(path, saved, cacheBytes).log
    for (let step = 0; step < 150; step++) {
      change(random, [memory, disk], step)
      if (random() < 0.03) {
        // Half of the times as after kill -9: nothing was closed.
        if (random() < 0.5) disk.close()
        const again = openLog(path, saved, cacheBytes)
        expect(again.warnings, `seed ${seed}, step ${step}`).toEqual([])
        disk = again.log
      }
      if (step % 10 > 0) continue
      const asking = upTo(random, 1_000_000)
      expect(seen(seededRandom(asking), disk), `seed ${seed}, step ${step}`).toEqual(seen(seededRandom(asking), memory))
    }
    disk.close()
  }
})
