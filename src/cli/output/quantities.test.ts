import { expect, test } from 'vitest'
import { bytes, count, counted, duration } from './quantities.ts'

test('numbers are grouped, sizes and durations carry their unit', () => {
  expect([0, 999, 1000, 1234567].map(count)).toEqual(['0', '999', '1,000', '1,234,567'])
  expect([0, 999, 1000, 1_250_000, 999_600, 5e12].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.3 MB',
    '1.0 MB',
    '5.0 TB',
  ])
  expect([0.4, 9.999, 12.34, 250, 1240, 61_000].map(duration)).toEqual([
    '0.40 ms',
    '10.0 ms',
    '12.3 ms',
    '250 ms',
    '1.24 s',
    '61.0 s',
  ])
  expect([counted(1, 'record'), counted(2000, 'record')]).toEqual(['1 record', '2,000 records'])
})
