import { expect, test } from 'vitest'
import { TopicLimit } from './topic-limit.ts'

/** What is shown of one counter after a reading. */
function read(limit: TopicLimit, counters: Readonly<Record<string, number>>) {
  limit.see(Object.keys(counters))
  const own = Object.entries(counters).filter(([topic, value]) => limit.count('sent', topic, value))
  const [other] = limit.others()
  return { own: Object.fromEntries(own), other: other?.[1] }
}

test('up to the limit each topic is shown by itself, and those after it together', () => {
  const limit = new TopicLimit(2)

  expect(read(limit, { a: 1, b: 2 })).toEqual({ own: { a: 1, b: 2 }, other: undefined })
  expect(read(limit, { a: 1, b: 2, c: 3, d: 4 })).toEqual({ own: { a: 1, b: 2 }, other: 7 })
  expect(read(limit, { d: 5, c: 3, b: 2, a: 1 })).toEqual({ own: { a: 1, b: 2 }, other: 8 })
})

test('what is counted together does not fall when one of it is idle, and goes on when it is back', () => {
  const limit = new TopicLimit(1)
  read(limit, { a: 1, b: 10, c: 10 })

  expect(read(limit, { a: 1, c: 11 }).other).toBe(21)
  expect(read(limit, { a: 1, b: 15, c: 11 }).other).toBe(26)
})

test('an idle topic makes room for a new one; when it is back, only what is new of it is counted with the others', () => {
  const limit = new TopicLimit(2)
  read(limit, { a: 100, b: 1 })

  expect(read(limit, { b: 1, c: 1 })).toEqual({ own: { b: 1, c: 1 }, other: undefined })
  expect(read(limit, { a: 103, b: 1, c: 1 })).toEqual({ own: { b: 1, c: 1 }, other: 3 })
})

test('a topic that was idle while there was room has its label again', () => {
  const limit = new TopicLimit(2)
  read(limit, { a: 5 })
  read(limit, {})

  expect(read(limit, { a: 6 })).toEqual({ own: { a: 6 }, other: undefined })
})

test('with a limit of 0 all are counted together', () => {
  expect(read(new TopicLimit(0), { a: 1, b: 2 })).toEqual({ own: {}, other: 3 })
})
