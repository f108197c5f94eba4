import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from './manual-clock.ts'

let clock: ManualClock
let seen: string[]
const see = (what: string) => () => void seen.push(`${what} at ${clock.now() - start}`)
let start: number

beforeEach(() => {
  clock = new ManualClock()
  start = clock.now()
  seen = []
})

describe('timers', () => {
  test('run at their time, those of one time in the order in which they were set', () => {
    clock.schedule(see('third'), 30)
    clock.schedule(see('first'), 10)
    clock.schedule(see('second'), 10)

    clock.advance(29)
    expect(seen).toEqual(['first at 10', 'second at 10'])
    expect(clock.now() - start).toBe(29)

    clock.advance(1)
    expect(seen.at(-1)).toBe('third at 30')
    expect(clock.pendingTimers).toBe(0)
  })

  test('that a timer sets run in the same advance where they fall due in it', () => {
    clock.schedule(() => {
      see('outer')()
      clock.schedule(see('inner'), 5)
      clock.schedule(see('at once'), 0)
      clock.schedule(see('too late'), 11)
    }, 10)

    clock.advance(20)

    expect(seen).toEqual(['outer at 10', 'at once at 10', 'inner at 15'])
    expect(clock.nextTimerInMs).toBe(1)
  })

  test('that were taken back do not run, also by one of the same instant', () => {
    const cancelled = clock.schedule(see('never'), 10)
    clock.schedule(() => victim.cancel(), 20)
    const victim = clock.schedule(see('never either'), 20)

    cancelled.cancel()
    clock.advance(100)

    expect(seen).toEqual([])
  })

  test('of the past are due now, and nothing goes back', () => {
    clock.schedule(see('late'), -50)
    expect(clock.nextTimerInMs).toBe(0)
    clock.advance(0)
    expect(seen).toEqual(['late at 0'])
    expect(() => clock.advance(-1)).toThrow(RangeError)
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError)
  })

  test('all run, however far away and however many follow', () => {
    let left = 3
    const again = () => {
      see('again')()
      if (--left > 0) clock.schedule(again, 86_400_000)
    }
    clock.schedule(again, 86_400_000)

    clock.runAll()

    expect(seen).toHaveLength(3)
    expect(clock.now() - start).toBe(3 * 86_400_000)
    expect(clock.nextTimerInMs).toBeUndefined()
  })

  test('that set themselves again for ever are told, not waited for', () => {
    const again = (): void => void clock.schedule(again, 1)
    again()
    expect(() => clock.runAll()).toThrow(RangeError)
  })
})

test('the wall clock goes along, and may be set by itself', () => {
  clock = new ManualClock({ wallTime: 5_000 })
  clock.advance(10)
  expect(clock.wallTime()).toBe(5_010)
  const before = clock.now()

  clock.setWallTime(1_000)

  expect([clock.wallTime(), clock.now()]).toEqual([1_000, before])
  clock.advance(1)
  expect(clock.wallTime()).toBe(1_001)
})

describe('turns', () => {
  test('end when those of the event loop do', async () => {
    clock.atEndOfTurn(see('end of turn'))
    clock.advance(1_000)
    expect(seen).toEqual([])
    await new Promise(setImmediate)
    expect(seen).toEqual(['end of turn at 1000'])
  })

  test('or by hand: one more put off meanwhile waits for the next', () => {
    clock = new ManualClock({ turns: 'manual' })
    clock.atEndOfTurn(() => {
      see('first turn')()
      clock.atEndOfTurn(see('second turn'))
    })
    clock.endTurn()
    expect(seen).toEqual(['first turn at 0'])
    clock.endTurn()
    expect(seen).toEqual(['first turn at 0', 'second turn at 0'])
    clock.schedule(() => clock.atEndOfTurn(() => clock.atEndOfTurn(see('two turns after a timer'))), 10)
    clock.advance(10)
    expect(seen.at(-1)).toBe('two turns after a timer at 10')
  })
})
