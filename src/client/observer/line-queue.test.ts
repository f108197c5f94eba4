import { expect, test } from 'vitest'
import { ManualClock } from '../../testing/manual-clock.ts'
import { UserCalls } from '../accumulator/user-calls.ts'
import { LineQueue } from './line-queue.ts'
import type { LineWriter } from './logger.ts'

function queueTo(write: LineWriter) {
  const clock = new ManualClock({ turns: 'manual' })
  const calls = new UserCalls()
  const failures: unknown[] = []
  const queue = new LineQueue(
    write,
    'info',
    'p',
    clock,
    call => calls.run(call),
    thrown => void failures.push(thrown),
  )
  const say = (message: string) =>
    queue.add({ level: 'info', write: () => ({ message, fields: { n: message.length } }) })
  return { queue, clock, calls, failures, say }
}

test('the logger is not called in the midst of what happens, but when that has ended, in order', () => {
  const told: unknown[][] = []
  const { say, clock } = queueTo((...line) => void told.push(line))

  say('one')
  say('second')
  expect(told).toEqual([])
  clock.endTurn()

  expect(told).toEqual([
    ['info', 'one', { clientId: 'p', n: 3 }],
    ['info', 'second', { clientId: 'p', n: 6 }],
  ])
})

test('while calls of the user are held it waits, at most a thousand lines; the rest is counted', async () => {
  const told: string[] = []
  const { say, clock, calls } = queueTo((_, message) => void told.push(message))

  calls.hold()
  for (let n = 0; n < 1500; n++) say(`line ${n}`)
  clock.endTurn()
  expect(told).toEqual([])
  calls.release()
  await Promise.resolve()

  expect(told).toHaveLength(1001)
  expect(told[999]).toBe('line 999')
  expect(told[1000]).toBe('500 lines were left out: they came faster than they could be logged')
})

test('a logger that throws, or whose promise rejects, is told once; the next line is tried all the same', async () => {
  const told: string[] = []
  const { say, clock, failures } = queueTo((_, message) => {
    told.push(message)
    if (told.length === 1) throw new Error('disk full')
    return Promise.reject(new Error('still full'))
  })

  for (const message of ['a', 'b', 'c']) say(message)
  clock.endTurn()
  await new Promise(setImmediate)

  expect(told).toEqual(['a', 'b', 'c'])
  expect(failures).toEqual([new Error('disk full')])
})

test('a promise that rejects is no unhandled rejection', async () => {
  const { say, clock, failures } = queueTo(async () => {
    throw new Error('later')
  })

  say('a')
  clock.endTurn()
  await new Promise(setImmediate)

  expect(failures).toEqual([new Error('later')])
})

test('lines that the logger causes come after those that wait already', () => {
  const told: string[] = []
  const { say, clock } = queueTo((_, message) => {
    told.push(message)
    if (message === 'first') say('caused')
  })

  say('first')
  say('second')
  clock.endTurn()
  clock.endTurn()

  expect(told).toEqual(['first', 'second', 'caused'])
})
