import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../testing/manual-clock.ts'
import { systemClock } from './clock.ts'
import { SteppableClock } from './steppable-clock.ts'

let manual: ManualClock
let clock: SteppableClock
let seen: string[]
const see = (what: string) => () => void seen.push(what)

beforeEach(() => {
  manual = new ManualClock({ turns: 'manual' })
  clock = new SteppableClock(manual)
  seen = []
})

test('a step does what is due: timers in their order, then what comes soon, then the end of the turn', () => {
  clock.atEndOfTurn(see('end of turn'))
  clock.afterThis(see('soon'))
  clock.schedule(see('second'), 0)
  clock.schedule(see('first'), -1)
  clock.schedule(see('later'), 1_000)
  expect(clock.step()).toBe(true)
  expect(seen).toEqual(['first', 'second', 'soon', 'end of turn'])
  expect(clock.step()).toBe(false)
})

test('what is added at the end of a turn comes at the end of the next one', () => {
  clock.atEndOfTurn(() => {
    seen.push('first turn')
    clock.atEndOfTurn(see('second turn'))
    clock.afterThis(see('soon after the first'))
  })
  clock.step()
  expect(seen).toEqual(['first turn', 'soon after the first'])
  clock.step()
  expect(seen).toEqual(['first turn', 'soon after the first', 'second turn'])
})

test('it tells when the next timer is due; one that was cancelled is not', () => {
  expect(clock.nextAt).toBe(Number.POSITIVE_INFINITY)
  const timer = clock.schedule(see('cancelled'), 50)
  clock.schedule(see('kept'), 80)
  expect(clock.nextAt).toBe(clock.now() + 50)
  timer.cancel()
  expect(clock.nextAt).toBe(clock.now() + 80)
})

test('each callback runs once, whichever of step and event loop comes first', async () => {
  const own = new SteppableClock(systemClock)
  own.afterThis(see('soon'))
  own.atEndOfTurn(see('end of turn'))
  own.schedule(see('timer'), 0)
  while (!seen.includes('timer')) own.step()
  await new Promise(resolve => setTimeout(resolve, 5))
  expect(seen.toSorted()).toEqual(['end of turn', 'soon', 'timer'])

  own.afterThis(see('loop: soon'))
  own.atEndOfTurn(see('loop: end of turn'))
  own.schedule(see('loop: timer'), 0)
  await new Promise(resolve => setTimeout(resolve, 5))
  expect(own.step()).toBe(false)
  expect(seen.slice(3).toSorted()).toEqual(['loop: end of turn', 'loop: soon', 'loop: timer'])
})
