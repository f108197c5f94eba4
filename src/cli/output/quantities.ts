/** 1234567 as "1,234,567", whatever the locale of the machine. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Bytes in powers of 1000: "1.2 MB". */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let rest = value
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000
    unit++
  }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${units[unit]}`
}

/** A duration with three significant digits: "0.42 ms", "12.3 ms", "1.24 s". */
export function duration(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`
  return `${ms >= 99.95 ? Math.round(ms) : ms >= 9.995 ? ms.toFixed(1) : ms.toFixed(2)} ms`
}

/** "1 record", "2 records". */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}
