import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { appendArguments, expected, type GivenRecord, givenRecord } from '../../../test/producer/arbitrary-records.ts'
import { InvariantError } from '../../base/invariant.ts'
import { decodeRecords, readBatchHeader, validateBatch } from '../../wire/protocol/records/record-batch.ts'
import { Batch } from './batch.ts'
import { BufferPool } from './buffer-pool.ts'
import { PartitionQueue } from './partition-queue.ts'

const noCompression = () => {
  throw new Error('nothing is compressed')
}

const stamp = { producerId: 7n, producerEpoch: 3, baseSequence: 41 }

function newBatch(pool: BufferPool) {
  return new Batch(new PartitionQueue('t', 0), pool.take(0), 0, 1000)
}

const append = (batch: Batch, record: GivenRecord, limitBytes: number, pool: BufferPool) =>
  batch.append(...appendArguments(record), limitBytes, pool)

/** Seals and stamps it as the accumulator and the sequencing do. */
function wireOf(batch: Batch): Buffer {
  const plain = batch.plain!.subarray(0, batch.length)
  batch.writeHeader(plain, 0)
  batch.wire = plain
  batch.move('sealed')
  batch.stampWith(stamp)
  return batch.wire
}

/** Memory full of rubbish: whatever is not written shows. */
function dirtyPool(largest: number) {
  const pool = new BufferPool(largest + 64, 1e6)
  for (const bytes of [1024, 4096, 16_384, largest]) pool.give(Buffer.alloc(pool.take(bytes).length, 0xdb))
  return pool
}

test('what is appended is read back, from a batch that the broker accepts', () => {
  fc.assert(
    fc.property(fc.array(givenRecord, { minLength: 1, maxLength: 12 }), records => {
      const pool = dirtyPool(1 << 20)
      const batch = newBatch(pool)
      for (const record of records) expect(append(batch, record, 1 << 20, pool)).toBe(true)

      const wire = wireOf(batch)

      const header = readBatchHeader(wire, 0)
      expect(header).toMatchObject({
        ...stamp,
        baseOffset: 0n,
        recordCount: records.length,
        lastOffsetDelta: records.length - 1,
        baseTimestamp: records[0]!.timestamp,
        maxTimestamp: Math.max(...records.map(({ timestamp }) => timestamp)),
        sizeInBytes: wire.length,
        partitionLeaderEpoch: -1,
      })
      expect(header.attributes).toMatchObject({ codec: 0, timestampType: 'create-time', transactional: false })
      const decoded = decodeRecords(wire, 0, noCompression)
      expect(decoded.map(({ offsetDelta }) => offsetDelta)).toEqual(records.map((_, index) => index))
      expect(decoded.map(({ offsetDelta, ...rest }) => rest)).toEqual(records.map(expected))
      expect(batch.keySizes).toEqual(decoded.map(({ key }) => key?.length ?? -1))
      expect(batch.valueSizes).toEqual(decoded.map(({ value }) => value?.length ?? -1))
      expect(batch.timestamps).toEqual(records.map(({ timestamp }) => timestamp))
    }),
    { numRuns: 150 },
  )
})

test('a record that does not fit leaves no trace, and the batch takes a smaller one', () => {
  fc.assert(
    fc.property(
      fc.array(givenRecord, { minLength: 2, maxLength: 30 }),
      fc.integer({ min: 62, max: 1500 }),
      (records, limitBytes) => {
        const pool = dirtyPool(2000)
        const batch = newBatch(pool)
        const taken: GivenRecord[] = []
        for (const record of records) {
          const before = [batch.length, batch.count, batch.maxTimestamp, batch.listeners.length]
          if (append(batch, record, limitBytes, pool)) {
            taken.push(record)
            // Only the first may be larger than the limit.
            if (batch.count > 1) expect(batch.length).toBeLessThanOrEqual(limitBytes)
          } else expect([batch.length, batch.count, batch.maxTimestamp, batch.listeners.length]).toEqual(before)
        }
        expect(taken[0]).toBe(records[0])
        const decoded = decodeRecords(wireOf(batch), 0, noCompression)
        expect(decoded.map(({ offsetDelta, ...rest }) => rest)).toEqual(taken.map(expected))
      },
    ),
    { numRuns: 150 },
  )
})

test('text whose UTF-8 is one byte longer than its guess does not end up beyond the limit', () => {
  const pool = dirtyPool(2000)
  const record = (value: string) => ({ key: null, value, headers: [], timestamp: 5 })
  const probe = newBatch(pool)
  append(probe, record('first'), 2000, pool)
  append(probe, record('a'.repeat(30)), 2000, pool)
  const batch = newBatch(pool)
  append(batch, record('first'), probe.length, pool)

  expect(append(batch, record(`${'a'.repeat(29)}ä`), probe.length, pool)).toBe(false)
  expect(append(batch, record('a'.repeat(30)), probe.length, pool)).toBe(true)
  expect(batch.length).toBe(probe.length)
})

describe('Stamping', () => {
  const sealed = () => {
    const pool = dirtyPool(2000)
    const batch = newBatch(pool)
    append(batch, { key: null, value: 'x', headers: [], timestamp: 5 }, 2000, pool)
    wireOf(batch)
    return batch
  }

  test('a stamp changes identity, sequence and CRC, nothing else', () => {
    const batch = sealed()
    const before = Buffer.from(batch.wire!)
    batch.stampWith({ producerId: 8n, producerEpoch: 0, baseSequence: 0 })
    const after = batch.wire!
    expect(readBatchHeader(after, 0)).toMatchObject({ producerId: 8n, producerEpoch: 0, baseSequence: 0 })
    const changed = [...before.keys()].filter(at => before[at] !== after[at])
    expect(changed.every(at => (at >= 17 && at < 21) || (at >= 43 && at < 57))).toBe(true)
    expect(validateBatch(after, 0, { maxMessageBytes: 1e6 } as never)).toMatchObject({ ok: true })
  })

  test('bytes that a socket may still read are left alone', () => {
    const batch = sealed()
    const socket = batch.wire!
    const before = Buffer.from(socket)
    batch.references = 1
    batch.stampWith({ producerId: 8n, producerEpoch: 0, baseSequence: 0 })
    expect(socket).toEqual(before)
    expect(batch.wire).not.toBe(socket)
    expect(readBatchHeader(batch.wire!, 0).producerId).toBe(8n)
  })

  test('a doubtful batch keeps its stamp as long as a copy of it may still arrive', () => {
    const batch = sealed()
    batch.outcome = 'unknown'
    batch.doubtfulLeader = 1
    batch.doubtfulLeaderEpoch = 5
    batch.queue.leader = 1
    batch.queue.leaderEpoch = 5
    expect(batch.canBeStampedAgain).toBe(false)
    expect(() => batch.stampWith(stamp)).toThrow(InvariantError)
    batch.queue.leaderEpoch = 6
    expect(batch.canBeStampedAgain).toBe(true)
    // Where epochs are not known, another leader says as much.
    batch.queue.leaderEpoch = -1
    expect(batch.canBeStampedAgain).toBe(false)
    batch.queue.leader = 2
    expect(batch.canBeStampedAgain).toBe(true)
  })
})

test('states go one way, but for a retry and a record that is taken back', () => {
  const batch = () => newBatch(dirtyPool(2000))
  const walk = (...states: Batch['state'][]) => {
    const own = batch()
    for (const state of states) own.move(state)
  }
  walk('compressing', 'sealed', 'in-flight', 'sealed', 'in-flight', 'settled')
  walk('sealed', 'open', 'sealed', 'settled')
  for (const wrong of [
    ['in-flight'],
    ['settled', 'open'],
    ['settled', 'settled'],
    ['sealed', 'in-flight', 'open'],
    ['compressing', 'in-flight'],
  ] as const)
    expect(() => walk(...wrong)).toThrow(InvariantError)
})

test('offsets count the records written, not those taken back', () => {
  const own = newBatch(dirtyPool(2000))
  own.takenBack = new Set([0, 2])
  own.count = 5
  expect([1, 3, 4].map(index => own.offsetDeltaAt(index))).toEqual([0, 1, 2])
  expect(own.writtenCount).toBe(3)
})
