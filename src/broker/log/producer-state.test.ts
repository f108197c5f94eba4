import fc from 'fast-check'
import { expect, test } from 'vitest'
import { advanceSequence, type BatchSequence, ProducerState } from './producer-state.ts'

const batch = (baseSequence: number, recordCount = 1, producerEpoch = 0): BatchSequence => ({
  ...{ producerId: 7n, producerEpoch, baseSequence, recordCount },
})

/** A state that has appended these batches one after the other, with the sum of their records as offsets. */
function after(...batches: BatchSequence[]): ProducerState {
  const state = new ProducerState()
  let offset = 0n
  for (const one of batches) {
    expect(state.check(one)).toEqual({ kind: 'append' })
    state.remember(one, offset, 1000)
    offset += BigInt(one.recordCount)
  }
  return state
}

test('a producer that is not known may begin with any sequence', () => {
  expect(new ProducerState().check(batch(4711))).toEqual({ kind: 'append' })
})

test('before Kafka 2.5, a producer that is not known must begin with 0', () => {
  const state = new ProducerState(false)
  expect(state.check(batch(0))).toEqual({ kind: 'append' })
  expect(state.check(batch(4711))).toMatchObject({ kind: 'refuse', error: 'UNKNOWN_PRODUCER_ID' })
})

test('the next batch follows the last, and a gap or a step back is out of order', () => {
  const state = after(batch(0, 10), batch(10, 5))
  expect(state.check(batch(15, 3))).toEqual({ kind: 'append' })
  expect(state.check(batch(16))).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  expect(state.check(batch(14))).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
})

test('each of the last five batches is known again with its offset, an older one is out of order', () => {
  const state = after(...Array.from({ length: 6 }, (_, index) => batch(index * 10, 10)))
  for (let index = 1; index < 6; index++)
    expect(state.check(batch(index * 10, 10))).toMatchObject({
      kind: 'duplicate',
      original: { baseOffset: BigInt(index * 10), maxTimestamp: 1000 },
    })
  expect(state.check(batch(0, 10))).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
})

test('a batch that only overlaps an old one is no duplicate', () => {
  const state = after(batch(0, 10))
  expect(state.check(batch(0, 9))).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  expect(state.check(batch(0, 11))).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
})

test('an older epoch is fenced, also for a batch that was appended in it', () => {
  const state = after(batch(0), batch(0, 1, 1))
  expect(state.check(batch(0))).toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' })
  expect(state.check(batch(1))).toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' })
})

test('a newer epoch begins with sequence 0', () => {
  const state = after(batch(0), batch(1))
  expect(state.check(batch(2, 1, 1))).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  expect(state.check(batch(0, 1, 1))).toEqual({ kind: 'append' })
})

test('after 2^31 − 1 comes 0, between batches and inside of one', () => {
  const last = 2 ** 31 - 1
  expect(after(batch(last)).check(batch(0))).toEqual({ kind: 'append' })
  const state = after(batch(last - 1, 5))
  expect(state.check(batch(3))).toEqual({ kind: 'append' })
  expect(state.check(batch(last - 1, 5))).toMatchObject({ kind: 'duplicate' })
})

test('a producer that was forgotten is not known', () => {
  const state = after(batch(0), batch(1))
  state.forget(7n)
  expect(state.check(batch(99))).toEqual({ kind: 'append' })
  expect(state.snapshot()).toEqual([])
})

test('after a bump of epochs the old one is fenced and the new one begins with 0', () => {
  const state = after(batch(0), batch(1))
  state.bumpEpochs()
  expect(state.check(batch(2))).toMatchObject({ error: 'INVALID_PRODUCER_EPOCH' })
  expect(state.check(batch(0, 1, 1))).toEqual({ kind: 'append' })
})

test('advanceSequence counts modulo 2^31', () => {
  const sequence = fc.integer({ min: 0, max: 2 ** 31 - 1 })
  fc.assert(
    fc.property(sequence, fc.integer({ min: 0, max: 1_000_000 }), (from, count) => {
      expect(advanceSequence(from, count)).toBe((from + count) % 2 ** 31)
    }),
  )
})

test('any number of batches in a row is appended, and a copy of any of the last five is a duplicate with its offset', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(counts, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (recordCounts, first) => {
      const state = new ProducerState()
      const written: { batch: BatchSequence; offset: bigint }[] = []
      let sequence = first
      let offset = 0n
      for (const count of recordCounts) {
        const one = batch(sequence, count)
        expect(state.check(one).kind).toBe('append')
        state.remember(one, offset, 1)
        written.push({ batch: one, offset })
        sequence = advanceSequence(sequence, count)
        offset += BigInt(count)
        for (const old of written.slice(-5))
          expect(state.check(old.batch)).toMatchObject({ kind: 'duplicate', original: { baseOffset: old.offset } })
      }
    }),
  )
})
