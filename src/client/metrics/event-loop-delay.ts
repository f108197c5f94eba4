import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

/** What is told began this long ago at least (where there is as much), and twice as long ago at most. */
const windowMs = 30_000
const resolutionMs = 20

/** Two of them take turns: one is old enough to tell something while the other forgets what was. */
interface Window {
  readonly histogram: IntervalHistogram
  startedAt: number
}
let told: Window | undefined
let next: Window | undefined

/**
 * How late this thread's event loop ran its timers, in milliseconds, over the last 30 to 60 seconds, or since it was read before where
 * that is longer ago. Nothing is measured until it is first read. NaN where nothing has been measured yet.
 */
export function eventLoopDelay(nowMs = performance.now()): {
  readonly p50: number
  readonly p99: number
  readonly max: number
} {
  told ??= newWindow(nowMs)
  next ??= newWindow(nowMs)
  if (nowMs - next.startedAt >= windowMs) {
    const forgets = told
    told = next
    next = forgets
    next.histogram.reset()
    next.startedAt = nowMs
  }
  const { histogram } = told
  if (histogram.count === 0) return { p50: Number.NaN, p99: Number.NaN, max: Number.NaN }
  // The histogram holds the distance between two runs of its own timer.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs)
  // Each is computed by whoever asks for it: the table of metrics does so one by one.
  return {
    get p50() {
      return late(histogram.percentile(50))
    },
    get p99() {
      return late(histogram.percentile(99))
    },
    get max() {
      return late(histogram.max)
    },
  }
}

function newWindow(startedAt: number): Window {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return { histogram, startedAt }
}
