// A small table with bars, for a terminal or a file.

const BAR = 24

/** @param {number} value */
export const grouped = value => Math.round(value).toLocaleString('en-US')

/** @param {number} ms */
export const inMs = ms => `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`

/** @param {number} share 0 to 1 */
const bar = share => '█'.repeat(Math.max(share > 0 ? 1 : 0, Math.round(share * BAR))).padEnd(BAR)

/**
 * Throughput on a linear scale, latency beside it.
 *
 * @param {{ name: string, sent: number, acknowledged: number, elapsedMs: number, latencies: number[] | null }[]} rows
 */
export function chart(rows) {
  const perSecond = rows.map(row => (row.sent * 1000) / row.elapsedMs)
  const fastest = Math.max(...perSecond)
  const lines = [
    `${''.padEnd(24)}${'acknowledged'.padStart(17)}${'records/s'.padStart(13)} ${''.padEnd(BAR)}${'p50'.padStart(10)}${'p99'.padStart(10)}`,
  ]
  for (const [index, row] of rows.entries()) {
    const [p50, p99] = row.latencies
      ? [0.5, 0.99].map(share => inMs(percentile(row.latencies ?? [], share)))
      : ['-', '-']
    lines.push(
      row.name.padEnd(24) +
        `${grouped(row.acknowledged)} of ${grouped(row.sent)}`.padStart(17) +
        grouped(perSecond[index] ?? 0).padStart(13) +
        ` ${bar((perSecond[index] ?? 0) / fastest)}` +
        (p50 ?? '').padStart(10) +
        (p99 ?? '').padStart(10),
    )
  }
  return lines.join('\n')
}

/**
 * @param {number[]} values
 * @param {number} share
 */
function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
