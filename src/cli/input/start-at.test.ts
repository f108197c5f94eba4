import { expect, test } from 'vitest'
import { startAt } from './start-at.ts'

test.each([
  ['beginning', { at: 'beginning' }],
  [' end ', { at: 'end' }],
  ['0', { at: 'offset', offset: 0n }],
  ['9223372036854775807', { at: 'offset', offset: 2n ** 63n - 1n }],
  ['-10', { at: 'last', count: 10n }],
  ['-0', { at: 'last', count: 0n }],
  ['@1700000000000', { at: 'time', timestampMs: 1_700_000_000_000 }],
  ['2026-01-31T12:00:00Z', { at: 'time', timestampMs: Date.UTC(2026, 0, 31, 12) }],
  ['2026-01-31T12:00:00.250+01:00', { at: 'time', timestampMs: Date.UTC(2026, 0, 31, 11, 0, 0, 250) }],
  ['2026-01-31 12:00', { at: 'time', timestampMs: new Date(2026, 0, 31, 12).getTime() }],
  ['2026-01-31', { at: 'time', timestampMs: new Date(2026, 0, 31).getTime() }],
])('%j', (typed, expected) => {
  expect(startAt(typed)).toEqual(expected)
})

test.each([
  '',
  'start',
  '1.5',
  '1e3',
  '0x10',
  '9223372036854775808',
  '@',
  '@-1',
  '@99999999999999999',
  '2026-13-01',
  '2026-01-31T25:00Z',
  '1969-12-31T00:00:00Z',
  '31.1.2026',
  'Sat, 31 Jan 2026 12:00:00 GMT',
])('%j is none', typed => {
  expect(startAt(typed)).toBeUndefined()
})
