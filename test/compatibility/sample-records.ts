import type { PlainRecord } from './log-reader.ts'

/** `v0`, `v1`, … */
export const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${name}${at}`)

/**
 * Records of every form that each client can write: text, since some take nothing else, with all that is easily damaged on the
 * way. Enough of it repeats that a codec gains by compressing.
 */
export function sampleRecords(): PlainRecord[] {
  const timestamp = Date.UTC(2026, 1, 3, 4, 5, 6, 789)
  const values = [
    'plain',
    '',
    null,
    'two\nlines',
    'a\tb',
    'ünïcödé €uro 😀',
    '\u0000nul',
    'long '.repeat(2000),
    ' blanks ',
  ]
  const record = (at: number, key: string | null, value: string | null, headers: PlainRecord['headers'] = []) => ({
    key: bytesOf(key),
    value: bytesOf(value),
    headers,
    timestamp: timestamp + at,
  })
  return [
    ...values.map((value, at) => record(at, `key-${at}`, value)),
    record(20, 'ключ', 'key in Cyrillic'),
    record(21, 'k', 'headers', [
      ['first', Buffer.from('1')],
      ['second', Buffer.from('zweitens: ä')],
    ]),
    ...Array.from({ length: 100 }, (_, at) =>
      record(30 + at, `row-${at}`, `{"row":${at},"text":"much the same each time"}`),
    ),
  ]
}

const bytesOf = (text: string | null) => (text === null ? null : Buffer.from(text))
