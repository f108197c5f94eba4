import { isUtf8 } from 'node:buffer'
import type { FetchedRecord } from '../../client/reader/index.ts'

export const valueFormats = ['text', 'hex', 'base64', 'json'] as const
/** How bytes are shown. `text`: as they are. `json`: on one line, and what is no JSON as a JSON string. */
export type ValueFormat = (typeof valueFormats)[number]

/** One JSON object a line, or columns and the value. */
export type RecordLayout =
  | { readonly json: true; readonly keyFormat: ValueFormat; readonly valueFormat: ValueFormat }
  | {
      readonly json: false
      readonly keyFormat: ValueFormat
      readonly valueFormat: ValueFormat
      readonly timestamps: boolean
      readonly offsets: boolean
      readonly headers: boolean
      readonly keys: boolean
      /** After the key. */
      readonly keyDelimiter: Buffer
      /** After each record. */
      readonly delimiter: Buffer
    }

const tab = Buffer.from('\t')
const nothing = Buffer.from('null')

/** The bytes that stand for these records. */
export function recordLines(topic: string, records: readonly FetchedRecord[], layout: RecordLayout): Buffer {
  if (layout.json) return Buffer.from(records.map(record => `${recordJson(topic, record, layout)}\n`).join(''))
  const pieces: Buffer[] = []
  for (const record of records) {
    const { partition, offset, timestamp, headers, key, value } = record
    if (layout.timestamps) pieces.push(Buffer.from(timeText(timestamp)), tab)
    if (layout.offsets) pieces.push(Buffer.from(`${partition}:${offset}`), tab)
    if (layout.headers) pieces.push(Buffer.from(headersText(headers)), tab)
    if (layout.keys) pieces.push(shown(key, layout.keyFormat), layout.keyDelimiter)
    pieces.push(shown(value, layout.valueFormat), layout.delimiter)
  }
  return Buffer.concat(pieces)
}

/** 8.64e15 ms are the ends of a Date. */
function timeText(timestamp: number): string {
  if (timestamp === -1) return '-'
  return Math.abs(timestamp) <= 8.64e15 ? new Date(timestamp).toISOString() : String(timestamp)
}

/** `name=value,name=value`; a value that is not UTF-8 in base64. */
function headersText(headers: FetchedRecord['headers']): string {
  if (headers.length === 0) return '-'
  const textOf = (value: Buffer | null) =>
    value === null ? 'null' : isUtf8(value) ? value.toString() : `base64:${value.toString('base64')}`
  return headers.map(([name, value]) => `${name}=${textOf(value)}`).join(',')
}

function shown(bytes: Buffer | null, format: ValueFormat): Buffer {
  if (bytes === null) return nothing
  switch (format) {
    case 'text':
      return bytes
    case 'json':
      return Buffer.from(jsonOf(bytes, 'json'))
    default:
      return Buffer.from(bytes.toString(format))
  }
}

function recordJson(
  topic: string,
  { partition, offset, timestamp, key, value, headers }: FetchedRecord,
  { keyFormat, valueFormat }: RecordLayout,
): string {
  const fields = [
    `"topic":${JSON.stringify(topic)}`,
    `"partition":${partition}`,
    `"offset":${integerJson(offset)}`,
    `"timestamp":${timestamp === -1 ? 'null' : timestamp}`,
    `"key":${jsonOf(key, keyFormat)}`,
    `"value":${jsonOf(value, valueFormat)}`,
    `"headers":[${headers.map(([name, header]) => `[${JSON.stringify(name)},${jsonOf(header, 'text')}]`).join(',')}]`,
  ]
  return `{${fields.join(',')}}`
}

/** A number where every reader of JSON keeps it as it is, else a string. */
export function integerJson(value: bigint): string {
  return Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`
}

/** Bytes that are not UTF-8 become `{"base64":"…"}`: a text that was mended would be another one. */
function jsonOf(bytes: Buffer | null, format: ValueFormat): string {
  if (bytes === null) return 'null'
  if (format === 'hex' || format === 'base64') return JSON.stringify(bytes.toString(format))
  if (!isUtf8(bytes)) return `{"base64":"${bytes.toString('base64')}"}`
  const text = bytes.toString()
  if (format === 'json' && isJson(text))
    // Numbers keep all their digits. Line ends stand between tokens only: in a string they would be escaped.
    return text.replace(/[\r\n]+\s*/g, ' ').trim()
  return JSON.stringify(text)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
