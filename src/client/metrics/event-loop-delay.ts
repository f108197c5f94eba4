import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

let histogram: IntervalHistogram | undefined

/**
 * How late this thread's event loop ran its timers, in milliseconds, since metrics were first read: until then nothing is
 * measured. NaN where nothing has been measured yet.
 */
export function eventLoopDelay(): { readonly p50: number; readonly p99: number; readonly max: number } {
  if (histogram === undefined) {
    histogram = monitorEventLoopDelay({ resolution: resolutionMs })
    histogram.enable()
  }
  if (histogram.count === 0) return { p50: Number.NaN, p99: Number.NaN, max: Number.NaN }
  // The histogram holds the distance between two runs of its own timer.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs)
  return { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) }
}

const resolutionMs = 20
