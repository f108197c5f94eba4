// @ts-check
// How Grafana writes numbers with their units, as far as our dashboard has them.

const siPrefixes = ['', 'k', 'M', 'G', 'T']
const binaryPrefixes = ['', 'Ki', 'Mi', 'Gi', 'Ti']

/** @type {Readonly<Record<string, (value: number, decimals?: number) => string>>} */
const formats = {
  short: (value, decimals) => scaled(value, 1000, siPrefixes, '', decimals),
  locale: (value, decimals = 2) => value.toLocaleString('en', { maximumFractionDigits: decimals }),
  bytes: (value, decimals) => scaled(value, 1024, binaryPrefixes, 'B', decimals),
  binBps: (value, decimals) => scaled(value, 1024, binaryPrefixes, 'B/s', decimals),
  percentunit: (value, decimals) => `${digits(value * 100, decimals)}%`,
  reqps: (value, decimals) => scaled(value, 1000, siPrefixes, 'req/s', decimals),
  cps: (value, decimals) => scaled(value, 1000, siPrefixes, 'c/s', decimals),
  ops: (value, decimals) => scaled(value, 1000, siPrefixes, 'ops/s', decimals),
  s: duration,
}

/**
 * @param {number} value
 * @param {string} unit Grafana's
 * @param {number} [decimals] as many as tell something, unless said
 */
export function format(value, unit, decimals) {
  if (!Number.isFinite(value)) return '–'
  if (unit.startsWith('si:')) return scaled(value, 1000, siPrefixes, unit.slice(3), decimals)
  const known = formats[unit]
  if (known === undefined) throw new Error(`the unit ${unit} cannot be drawn yet`)
  return known(value, decimals)
}

/** @param {number} value @param {number} base @param {string[]} prefixes @param {string} name @param {number} [decimals] */
function scaled(value, base, prefixes, name, decimals) {
  let power = 0
  let rest = value
  while (Math.abs(rest) >= base && power < prefixes.length - 1) {
    rest /= base
    power++
  }
  return `${digits(rest, decimals)} ${prefixes[power]}${name}`.trim()
}

/** @param {number} seconds @param {number} [decimals] */
function duration(seconds, decimals) {
  if (seconds === 0) return '0 s'
  if (Math.abs(seconds) < 1e-3) return `${digits(seconds * 1e6, decimals)} µs`
  if (Math.abs(seconds) < 1) return `${digits(seconds * 1e3, decimals)} ms`
  if (Math.abs(seconds) < 60) return `${digits(seconds, decimals)} s`
  return `${digits(seconds / 60, decimals)} min`
}

/** @param {number} value @param {number} [decimals] */
function digits(value, decimals) {
  if (decimals !== undefined) return value.toFixed(decimals)
  const size = Math.abs(value)
  return Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)).toString()
}

/**
 * Where the lines of an axis lie: at round numbers, five or so.
 *
 * @param {number} from
 * @param {number} to
 * @param {string} unit
 */
export function ticks(from, to, unit) {
  const isBinary = unit === 'bytes' || unit === 'binBps'
  const rough = (to - from) / 4
  const scale = isBinary ? 2 ** Math.floor(Math.log2(rough)) : 10 ** Math.floor(Math.log10(rough))
  const step =
    (isBinary ? [1, 2] : [1, 2, 2.5, 5, 10]).map(factor => factor * scale).find(each => each >= rough) ?? rough
  const places = []
  for (let place = Math.ceil(from / step) * step; place <= to + step / 1e6; place += step) places.push(place)
  return places
}
