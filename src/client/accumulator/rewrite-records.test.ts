import fc from 'fast-check'
import { expect, test } from 'vitest'
import { appendArguments, expected, givenRecord } from '../../../test/producer/arbitrary-records.ts'
import { Reader } from '../../wire/protocol/reader.ts'
import { readRecord } from '../../wire/protocol/records/record.ts'
import { Batch } from './batch.ts'
import { BufferPool } from './buffer-pool.ts'
import { PartitionQueue } from './partition-queue.ts'
import { rewriteRecords } from './rewrite-records.ts'

test('the records that are kept stay as they were, and are numbered anew', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(givenRecord, fc.boolean()), { minLength: 1, maxLength: 150 }),
      fc.nat(80),
      (given, headRoom) => {
        const pool = new BufferPool(1 << 22, 0)
        const batch = new Batch(new PartitionQueue('t', 0), pool.take(0), 0, 0)
        for (const [record] of given) batch.append(...appendArguments(record), 1 << 22, pool)
        const kept = given.filter(([, keep]) => keep).map(([record]) => record)

        const records = batch.plain!.subarray(61, batch.length)
        const before = Buffer.from(records)
        const rewritten = rewriteRecords(records, index => given[index]![1], headRoom)

        expect(records.equals(before)).toBe(true)
        const reader = new Reader(rewritten.subarray(headRoom))
        const decoded = kept.map(() => readRecord(reader, batch.baseTimestamp, null))
        expect(reader.remaining).toBe(0)
        expect(decoded.map(({ offsetDelta }) => offsetDelta)).toEqual(kept.map((_, index) => index))
        expect(decoded.map(({ offsetDelta, ...rest }) => rest)).toEqual(kept.map(expected))
      },
    ),
    { numRuns: 60 },
  )
})
