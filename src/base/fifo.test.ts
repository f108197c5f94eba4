import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fifo } from './fifo.ts'

test('it behaves like an array that is pushed to and shifted from', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined, freq: 2 }), { maxLength: 400 }), steps => {
      const fifo = new Fifo<number>()
      const array: number[] = []
      for (const step of steps) {
        if (step === undefined) expect(fifo.shift()).toBe(array.shift())
        else {
          fifo.push(step)
          array.push(step)
        }
        expect(fifo.length).toBe(array.length)
        expect(fifo.first).toBe(array[0])
      }
      expect([...fifo]).toEqual(array)
    }),
  )
})

test('a long line that is worked off keeps its order', () => {
  const fifo = new Fifo<number>()
  for (let n = 0; n < 1000; n++) fifo.push(n)
  const seen: (number | undefined)[] = []
  for (let n = 0; n < 1000; n++) {
    seen.push(fifo.shift())
    if (n % 3 === 0) fifo.push(1000 + n / 3)
  }
  expect(seen).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  expect([...fifo]).toEqual(Array.from({ length: 334 }, (_, n) => 1000 + n))
  expect(new Fifo().shift()).toBeUndefined()
})
