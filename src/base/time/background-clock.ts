import type { Clock } from './clock.ts'

/** The same clock, none of whose timers keeps the process alive. */
export const backgroundClock = (clock: Clock): Clock => ({
  now: () => clock.now(),
  wallTime: () => clock.wallTime(),
  schedule: (callback, delayMs) => clock.schedule(callback, delayMs, true),
  afterThis: callback => clock.afterThis(callback),
  atEndOfTurn: callback => clock.atEndOfTurn(callback),
})
