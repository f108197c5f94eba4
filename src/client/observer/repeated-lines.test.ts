import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../testing/manual-clock.ts'
import { LineQueue } from './line-queue.ts'
import type { LogFields, LogLevel } from './logger.ts'
import { type Happening, RepeatedLines, spanText } from './repeated-lines.ts'

let clock: ManualClock
let said: { at: number; level: LogLevel; message: string; fields: LogFields }[]
let lines: RepeatedLines

const start = (least: LogLevel = 'debug') => {
  clock = new ManualClock({ turns: 'manual' })
  said = []
  const began = clock.now()
  const write = (level: LogLevel, message: string, fields: LogFields) =>
    void said.push({ at: clock.now() - began, level, message, fields })
  const queue = new LineQueue(
    write,
    least,
    'p',
    clock,
    call => call(),
    () => {},
  )
  lines = new RepeatedLines(queue, clock)
}
beforeEach(() => start())

const lost = (more: Partial<Happening> = {}): Happening => ({
  ...{ level: 'warn', event: 'broker-lost', text: 'broker 1 is gone', fields: { brokerId: 1 } },
  ...more,
})
const back = (forMs: number, times: number): Happening => ({
  ...{ level: 'info', event: 'broker-back', text: `back after ${spanText(forMs)}, ${times} times` },
  fields: {},
})
const told = () => said.map(({ at, message }) => `${at}: ${message}`)
const turn = () => clock.endTurn()

/** Something every `everyMs`, for so long. */
function repeat(everyMs: number, forMs: number, happening = lost()) {
  for (let ms = 0; ms < forMs; ms += everyMs) {
    lines.note('broker 1', happening)
    turn()
    clock.advance(everyMs)
  }
}

test('the first is told at once, what follows is counted and told after 30 s, 60 s, 2 min and 4 min, then every 5 min', () => {
  repeat(1000, 21 * 60_000)

  expect(told()).toEqual([
    '0: broker 1 is gone',
    '30000: broker 1 is gone (29 more times in the last 30 s)',
    '90000: broker 1 is gone (60 more times in the last 60 s)',
    '210000: broker 1 is gone (120 more times in the last 2 min)',
    '450000: broker 1 is gone (240 more times in the last 4 min)',
    '750000: broker 1 is gone (300 more times in the last 5 min)',
    '1050000: broker 1 is gone (300 more times in the last 5 min)',
  ])
})

test('what happens in the same turn is one line', () => {
  for (let partition = 0; partition < 20; partition++) lines.note('retry', lost({ partition, records: 10 }))
  turn()

  expect(told()).toEqual(['0: broker 1 is gone (20 times, 200 records, 20 partitions)'])
  expect(said[0]!.fields).toEqual({
    ...{ clientId: 'p', event: 'broker-lost', brokerId: 1, times: 20, records: 200 },
    partitions: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  })
})

test('an end is told at once, with how long it was and how often; then it begins anew', () => {
  repeat(1000, 40_000)
  lines.ended('broker 1', back)
  turn()
  clock.advance(60_000)
  lines.note('broker 1', lost())
  turn()

  expect(told()).toEqual([
    '0: broker 1 is gone',
    '30000: broker 1 is gone (29 more times in the last 30 s)',
    '40000: back after 40 s, 40 times',
    '100000: broker 1 is gone',
  ])
})

test('after a long outage the next one need not wait for the long pause to end', () => {
  repeat(1000, 20 * 60_000)
  lines.ended('broker 1', back)
  clock.advance(31_000)
  said.length = 0
  lines.note('broker 1', lost())
  turn()

  expect(said.map(({ message }) => message)).toEqual(['broker 1 is gone'])
})

test('an end of what never began, and a second end, say nothing', () => {
  lines.ended('broker 1', back)
  lines.note('broker 1', lost())
  lines.ended('broker 1', back)
  lines.ended('broker 1', back)
  turn()

  expect(told()).toEqual(['0: broker 1 is gone', '0: back after 0 ms, 1 times'])
})

test('what comes and goes ten times a second is told ever more rarely, and its last line says that it went well', () => {
  for (let ms = 0; ms < 10 * 60_000; ms += 100) {
    lines.note('broker 1', lost())
    turn()
    clock.advance(50)
    lines.ended('broker 1', back)
    turn()
    clock.advance(50)
  }
  clock.advance(10 * 60_000)

  // At 0 s, 30 s, 90 s, 210 s, 450 s and 750 s, each but the last with an end.
  expect(said).toHaveLength(11)
  expect(said.at(-1)!.message).toMatch(/more times in the last 5 min, all is well now\)$/)
  expect(clock.pendingTimers).toBe(0)
})

test('whatever happens, and in however many places, the lines of each 30 s are bounded', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          key: fc.integer({ min: 0, max: 500 }),
          ends: fc.boolean(),
          pause: fc.integer({ min: 0, max: 200 }),
        }),
        { minLength: 200, maxLength: 3000 },
      ),
      happenings => {
        start()
        for (const { key, ends, pause } of happenings) {
          if (ends) lines.ended(`key ${key}`, back)
          else lines.note(`key ${key}`, lost())
          turn()
          clock.advance(pause)
        }
        // 64 keys and one for all others, each with a line and an end, in the window and in the one that it overlaps.
        for (const { at } of said)
          expect(said.filter(line => line.at >= at && line.at < at + 30_000).length).toBeLessThanOrEqual(2 * 2 * 65)
      },
    ),
    { numRuns: 20 },
  )
})

test('beyond 64 keys the rest is counted together', () => {
  for (let key = 0; key < 1000; key++) lines.note(`key ${key}`, lost({ text: `thing ${key}`, records: 2 }))
  turn()

  expect(said).toHaveLength(65)
  expect(said.at(-1)!.message).toBe('more of other kinds or places, of late: thing 999 (936 times, 1872 records)')
  expect(said.at(-1)!.fields).toMatchObject({ event: 'others', times: 936 })
})

test('nothing is counted or told twice, nor lost, when it is closed', () => {
  repeat(1000, 5_000)
  lines.close()
  turn()

  expect(told()).toEqual(['0: broker 1 is gone', '5000: broker 1 is gone (4 more times in the last 5 s)'])
  expect(clock.pendingTimers).toBe(0)
})

test('what is not wanted is not counted either; its end is not told, and takes nothing away', () => {
  start('warn')
  lines.note('leader', lost({ level: 'info' }))
  lines.note('broker 1', lost())
  turn()
  lines.note('broker 1', lost())
  lines.ended('broker 1', back)
  turn()
  clock.advance(30_000)

  expect(told()).toEqual([
    '0: broker 1 is gone',
    '30000: broker 1 is gone (1 more time in the last 30 s, all is well now)',
  ])
})
