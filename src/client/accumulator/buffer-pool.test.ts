import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'

test('a buffer is large enough, and belongs to one taker at a time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70_000 }),
      fc.integer({ min: 0, max: 200_000 }),
      fc.array(fc.oneof(fc.record({ take: fc.integer({ min: 0, max: 100_000 }) }), fc.record({ give: fc.nat(1000) })), {
        maxLength: 100,
      }),
      (largest, keep, steps) => {
        const pool = new BufferPool(largest, keep)
        const out: Buffer[] = []
        const memory = new Set<ArrayBufferLike>()
        for (const step of steps) {
          if ('take' in step) {
            const buffer = pool.take(step.take)
            expect(buffer.length).toBeGreaterThanOrEqual(step.take)
            expect(memory.has(buffer.buffer)).toBe(false)
            // A buffer of its own: nobody else's bytes are near.
            expect(buffer.buffer.byteLength).toBe(buffer.length)
            memory.add(buffer.buffer)
            out.push(buffer)
          } else if (out.length > 0) {
            const [buffer] = out.splice(step.give % out.length, 1)
            memory.delete(buffer!.buffer)
            pool.give(buffer!)
          }
          expect(pool.keptBytes).toBeLessThanOrEqual(keep)
          expect(pool.keptBytes).toBeGreaterThanOrEqual(0)
        }
      },
    ),
  )
})

test('what was given is handed out again', () => {
  const pool = new BufferPool(20_000, 100_000)
  const first = pool.take(3000)
  pool.give(first)
  expect(pool.keptBytes).toBe(first.length)
  expect(pool.take(2000)).toBe(first)
  expect(pool.keptBytes).toBe(0)
})

test('buffers grow by fours up to a full batch, and one record beyond it gets what it needs', () => {
  const pool = new BufferPool(20_000, 0)
  expect([0, 1024, 1025, 5000, 16_385, 20_000, 20_001].map(bytes => pool.take(bytes).length)).toEqual([
    1024, 1024, 4096, 16_384, 20_000, 20_000, 20_001,
  ])
})

test('a buffer of another size is not kept', () => {
  const pool = new BufferPool(20_000, 100_000)
  pool.give(Buffer.alloc(20_001))
  pool.give(Buffer.alloc(5))
  expect(pool.keptBytes).toBe(0)
})
