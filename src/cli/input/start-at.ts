import type { StartAt } from '../../client/reader/index.ts'

export const startForms =
  'beginning, end, an offset, -N (N before the end), a time as in 2026-01-31T12:00:00Z, or @milliseconds'

const isoDate = /^\d{4}-\d{2}-\d{2}$/
const isoTime = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/i
/** Kafka's offsets are 64-bit. */
const maxOffset = 2n ** 63n - 1n

/** Where to begin, as it is typed after `--from`; undefined for anything else. A time without a zone is local time. */
export function startAt(typed: string): StartAt | undefined {
  const text = typed.trim()
  if (text === 'beginning' || text === 'end') return { at: text }
  if (/^-?\d+$/.test(text)) {
    const number = BigInt(text)
    if (number > maxOffset || number < -maxOffset) return undefined
    // "-0" is the end, as no record before it.
    return text.startsWith('-') ? { at: 'last', count: -number } : { at: 'offset', offset: number }
  }
  const timestampMs = milliseconds(text)
  return timestampMs === undefined ? undefined : { at: 'time', timestampMs }
}

function milliseconds(text: string): number | undefined {
  if (/^@\d+$/.test(text)) {
    const number = Number(text.slice(1))
    return Number.isSafeInteger(number) ? number : undefined
  }
  // A date alone means its midnight here; Date.parse would take that of Greenwich.
  const iso = isoDate.test(text)
    ? `${text}T00:00`
    : isoTime.test(text)
      ? text.replace(' ', 'T').replace(',', '.')
      : undefined
  const parsed = iso === undefined ? Number.NaN : Date.parse(iso)
  // Brokers take no time before 1970: negative numbers have meanings of their own.
  return parsed >= 0 ? parsed : undefined
}
