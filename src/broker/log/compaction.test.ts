import { expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { loadCodecSync } from '../../wire/compression/index.ts'
import { decodeRecords, encodeBatch, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { decompress } from '../decompress.ts'
import { compactLog } from './compaction.ts'
import { encodeMarker } from './control-batch.ts'
import { PartitionLog } from './partition-log.ts'
import { ProducerState } from './producer-state.ts'
import { storedBatchOf } from './stored-batch.ts'

const day = 24 * 3600 * 1000

/** A log with what its partition remembers of producers, and a clock. */
class Fixture {
  readonly log = new PartitionLog()
  readonly producers = new ProducerState()
  now = 1_700_000_000_000

  append(
    pairs: readonly (readonly [key: string | null, value: string | null])[],
    options: Parameters<typeof encodeBatch>[1] = {},
  ): void {
    const records = pairs.map(([key, value], index) => ({
      timestamp: this.now + index,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    }))
    this.#take(encodeBatch(records, { baseOffset: this.log.endOffset, partitionLeaderEpoch: 0, ...options }))
  }

  end(producerId: bigint, committed: boolean): void {
    const marker = { producerId, producerEpoch: 0, committed, coordinatorEpoch: 0 }
    this.#take(encodeMarker(marker, { baseOffset: this.log.endOffset, leaderEpoch: 0, timestamp: this.now }))
  }

  #take(bytes: Buffer): void {
    this.log.append(storedBatchOf(bytes))
    this.producers.replay(bytes)
  }

  compact(): void {
    this.log.roll()
    const { droppedMarkers } = compactLog(this.log, {
      now: this.now,
      limit: this.producers.lastStableOffset(this.log.startOffset, this.log.highWatermark),
      deleteRetentionMs: day,
      minCompactionLagMs: 0,
      producers: this.producers.snapshot(),
      isAborted: (producerId, offset) => this.producers.isAborted(producerId, offset),
    })
    this.producers.forgetAborted(droppedMarkers)
  }

  /** `offset key=value` of each record, `marker` for control batches, `()` for batches that have none. */
  get contents(): string[] {
    return this.log.batches().flatMap(({ bytes, baseOffset }) => {
      const { attributes, recordCount } = readBatchHeader(bytes, 0)
      if (recordCount === 0) return [`${baseOffset} ()`]
      if (attributes.control) return [`${baseOffset} marker`]
      return decodeRecords(bytes, 0, decompress).map(
        ({ offsetDelta, key, value }) => `${baseOffset + BigInt(offsetDelta)} ${key}=${value}`,
      )
    })
  }
}

const codecs = ({ log }: Fixture) =>
  new Map(log.batches().map(({ bytes, baseOffset }) => [baseOffset, readBatchHeader(bytes, 0).attributes.codec]))

const transaction = (producerId: bigint, baseSequence = 0) => ({
  ...{ producerId, producerEpoch: 0, baseSequence, transactional: true },
})

test('of every key the last record stays, at its offset; a record without a key does not', () => {
  const fixture = new Fixture()
  fixture.append([
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
  ])
  fixture.append([[null, 'lost']])
  fixture.append([
    ['c', '1'],
    ['b', '2'],
  ])

  fixture.compact()

  expect(fixture.contents).toEqual(['2 a=2', '4 c=1', '5 b=2'])
  expect(fixture.log.endOffset).toBe(6n)
  expect(fixture.log.read(3n, 10_000, true).map(bytes => readBatchHeader(bytes, 0).baseOffset)).toEqual([4n])
})

test('whatever is written, with whatever codec, each key keeps its last value and every record its offset', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed)
    const fixture = new Fixture()
    const latest = new Map<string, string>()
    for (let batch = 0; batch < 30; batch++) {
      const pairs = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, index) => {
        return [`k${Math.floor(random() * 12)}`, `${batch}-${index}`] as const
      })
      let offset = fixture.log.endOffset
      for (const [key, value] of pairs) latest.set(key, `${offset++} ${key}=${value}`)
      const name = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)[Math.floor(random() * 5)]!
      fixture.append(pairs, name === 'none' ? {} : { codec: loadCodecSync(name) })
      fixture.now += 1_000
      if (random() < 0.2) fixture.compact()
    }
    const before = codecs(fixture)

    fixture.compact()

    const order = (lines: Iterable<string>) =>
      [...lines].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    expect(fixture.contents, `seed ${seed}`).toEqual(order(latest.values()))
    for (const [offset, codec] of codecs(fixture)) expect(codec).toBe(before.get(offset))
  }
})

test('a tombstone stays until delete.retention.ms after the first compaction that saw it, with its own time', () => {
  const fixture = new Fixture()
  fixture.append([['a', '1']])
  fixture.append([['a', null]])
  fixture.append([['b', '1']])
  const { now } = fixture

  fixture.compact()

  expect(fixture.contents).toEqual(['1 a=null', '2 b=1'])
  const [tombstone] = fixture.log.batches()
  const header = readBatchHeader(tombstone!.bytes, 0)
  expect(header.attributes.deleteHorizon).toBe(true)
  expect(header.baseTimestamp).toBe(now + day)
  expect(decodeRecords(tombstone!.bytes, 0, decompress)[0]!.timestamp).toBe(now)

  fixture.now += day - 1
  fixture.compact()
  expect(fixture.contents).toEqual(['1 a=null', '2 b=1'])
  fixture.now += 1
  fixture.compact()
  expect(fixture.contents).toEqual(['2 b=1'])
})

test('the last batch of a producer stays, if only as a header: its next sequence is known also after a start', () => {
  const fixture = new Fixture()
  fixture.append([['a', '1']], { producerId: 7n, producerEpoch: 2, baseSequence: 5 })
  fixture.append([['a', '2']])

  fixture.compact()

  expect(fixture.contents).toEqual(['0 ()', '1 a=2'])
  const rebuilt = new ProducerState()
  for (const { bytes } of fixture.log.batches()) rebuilt.replay(bytes)
  const next = { producerId: 7n, producerEpoch: 2, baseSequence: 6, recordCount: 1 }
  expect(rebuilt.check(next)).toEqual({ kind: 'append' })
  expect(rebuilt.check({ ...next, baseSequence: 9 })).toMatchObject({ kind: 'refuse' })
})

test('what an aborted transaction wrote goes, and hides no older value; its marker goes when its time is over', () => {
  const fixture = new Fixture()
  fixture.append([['a', '1']])
  fixture.append([['a', 'aborted']], transaction(7n))
  fixture.end(7n, false)
  fixture.append([['a', 'committed']], transaction(8n))
  fixture.end(8n, true)
  fixture.append([['b', '1']], transaction(7n, 1))
  fixture.end(7n, true)
  fixture.append([['c', '1']])

  fixture.compact()
  expect(fixture.contents).toEqual(['2 marker', '3 a=committed', '4 marker', '5 b=1', '6 marker', '7 c=1'])
  expect(fixture.producers.abortedBetween(0n, 10n)).toMatchObject([{ lastOffset: 2n }])

  fixture.compact() // only now the marker is seen to have nothing left
  fixture.now += day
  fixture.compact()
  expect(fixture.contents).toEqual(['3 a=committed', '4 marker', '5 b=1', '6 marker', '7 c=1'])
  expect(fixture.producers.abortedBetween(0n, 10n)).toEqual([])
})

test('nothing at or behind the last stable offset is touched', () => {
  const fixture = new Fixture()
  fixture.append([['a', '1']])
  fixture.log.roll()
  fixture.append([['a', 'open']], transaction(7n))
  fixture.append([['a', '2']])

  fixture.compact()
  expect(fixture.contents).toEqual(['0 a=1', '1 a=open', '2 a=2'])

  fixture.end(7n, true)
  fixture.compact()
  expect(fixture.contents).toEqual(['1 ()', '2 a=2', '3 marker'])
})
