/** Where time comes from. Injected everywhere, so that a test can own it. */
export interface Clock {
  /** Monotonic milliseconds: every time-out is measured with this. Jumps of the wall clock do not touch it. */
  now(): number
  /** Wall-clock milliseconds since 1970: record timestamps only. */
  wallTime(): number
  /** Runs `callback` once after `delayMs`; does not keep the process alive where `background` is true. */
  schedule(callback: () => void, delayMs: number, background?: boolean): Timer
  /** Runs `callback` when what runs now has ended, with every promise that it settles: before anything else is read. */
  afterThis(callback: () => void): void
  /** Runs `callback` when this turn of the event loop ends, after everything already waiting on sockets was read. */
  atEndOfTurn(callback: () => void): void
}

/** A scheduled callback that can be taken back. */
export interface Timer {
  cancel(): void
  /** Whether it keeps the process alive: it does from the start, unless it was scheduled in the background. */
  hold?(keepsProcess: boolean): void
}

/** The longest delay a Node timer takes; a longer one would fire at once. */
export const maxTimerDelayMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule(callback, delayMs, background = false) {
    const timer = setTimeout(callback, Math.min(Math.max(0, Math.ceil(delayMs)), maxTimerDelayMs))
    if (background) timer.unref()
    return { cancel: () => clearTimeout(timer), hold: keeps => void (keeps ? timer.ref() : timer.unref()) }
  },
  // A tick alone would come before the promises that the running code settles; after a microtask it comes behind them.
  afterThis: callback => queueMicrotask(() => process.nextTick(callback)),
  atEndOfTurn: callback => void setImmediate(callback),
}
