import * as quantity from './quantities.ts'
import type { Failure, Tally } from './tally.ts'

/** The end of a run as data: what `--json` prints. Durations are milliseconds, sizes bytes of keys, values and headers. */
export interface Summary {
  readonly records: number
  readonly bytes: number
  readonly acknowledged: number
  readonly failed: number
  readonly notWritten: number
  readonly aborted: number
  readonly unknown: number
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number } | null
  readonly failures: readonly Failure[]
  /** Why reading stopped before the end of the input; null where it did not. */
  readonly stopped: string | null
  /** How many transactions were committed and aborted; of a run with a transactional id. */
  readonly transactions?: TransactionCounts
}

export interface TransactionCounts {
  readonly committed: number
  readonly aborted: number
}

export function summaryOf(
  tally: Tally,
  elapsedMs: number,
  stopped: string | null,
  transactions?: TransactionCounts,
): Summary {
  const { latency } = tally
  return {
    records: tally.records,
    bytes: tally.bytes,
    acknowledged: tally.acknowledged,
    failed: tally.failed,
    notWritten: tally.notWritten,
    aborted: tally.aborted,
    unknown: tally.unknown,
    seconds: rounded(elapsedMs / 1000),
    recordsPerSecond: Math.round(rate(tally.records, elapsedMs)),
    latencyMs:
      latency.count === 0
        ? null
        : {
            p50: rounded(latency.percentileMs(0.5)),
            p99: rounded(latency.percentileMs(0.99)),
            max: rounded(latency.maxMs),
          },
    failures: tally.failures,
    stopped,
    ...(transactions && { transactions }),
  }
}

/** The summary for a person. `acks: 0` asks the broker for no answer, and the words must not claim one. */
export function summaryLines(summary: Summary, acksZero: boolean): string[] {
  const { records, seconds, latencyMs, transactions } = summary
  const perSecond = `${quantity.count(summary.recordsPerSecond)} records/s`
  const size = quantity.bytes(summary.bytes)
  const done = acksZero
    ? 'written to the connection (acks=0 asks for no answer)'
    : transactions === undefined
      ? 'acknowledged'
      : `committed in ${quantity.counted(transactions.committed, 'transaction')}`
  const lines = [
    `${quantity.counted(records, 'record')}, ${size} in ${quantity.duration(seconds * 1000)} (${perSecond}): ` +
      [
        `${quantity.count(summary.acknowledged)} ${done}`,
        ...(summary.notWritten > 0 ? [`${quantity.count(summary.notWritten)} not written`] : []),
        ...(summary.aborted > 0 ? [`${quantity.count(summary.aborted)} aborted`] : []),
        ...(summary.unknown > 0 ? [`${quantity.count(summary.unknown)} unknown`] : []),
      ].join(', '),
  ]
  if (latencyMs !== null && !acksZero) {
    const { p50, p99, max } = latencyMs
    const [middle, high, highest] = [p50, p99, max].map(quantity.duration)
    lines.push(`latency p50 ${middle}, p99 ${high}, max ${highest}`)
  }
  return lines
}

/** Names the records that were not acknowledged, one line each, and counts those (`more`) beyond the first. */
export function failureLines(summary: Summary, more: number): string[] {
  if (summary.failed === 0) return []
  const lines = summary.failures.map(failure => {
    const partition = failure.partition < 0 ? '' : `-${failure.partition}`
    return `${failure.place}: ${failure.topic}${partition} ${failure.code} (${failure.outcome}): ${failure.message}`
  })
  if (more > 0)
    lines.push(`and ${quantity.counted(more, 'more record')} that ${more === 1 ? 'was' : 'were'} not acknowledged`)
  if (summary.unknown > 0) {
    lines.push('unknown: the broker may have written these records; sending them again can write them twice')
  }
  return lines
}

export function rate(records: number, elapsedMs: number): number {
  return elapsedMs <= 0 ? 0 : (records * 1000) / elapsedMs
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
