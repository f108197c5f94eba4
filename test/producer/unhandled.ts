import { afterEach, beforeEach, expect } from 'vitest'

/** Every test of the file fails where a rejection or an exception was left to the process. */
export function expectNothingUnhandled(): void {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', note)
    process.on('uncaughtExceptionMonitor', note)
  })
  afterEach(async () => {
    // Rejections are reported when the microtasks of their turn are done.
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    process.off('uncaughtExceptionMonitor', note)
    expect(unhandled).toEqual([])
  })
}
