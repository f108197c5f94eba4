import { expect, test } from 'vitest'
import type { CollectedFamily, Sample } from './collection.ts'
import { expositionOf } from './exposition.ts'
import type { FamilyType } from './families.ts'

const family = (type: FamilyType, help: string, samples: readonly Sample[]): CollectedFamily => ({
  family: { name: 'x_total', type, help, sources: [] },
  samples,
})

test('help and type once, then a line for each sample', () => {
  const samples = [
    { name: 'x_total', labels: { client_id: 'a', topic: 't' }, value: 1 },
    { name: 'x_total', labels: { client_id: 'a', topic: 'u' }, value: 0.25 },
  ]

  expect(expositionOf([family('counter', 'What it is.', samples)])).toBe(
    '# HELP x_total What it is.\n# TYPE x_total counter\n' +
      'x_total{client_id="a",topic="t"} 1\nx_total{client_id="a",topic="u"} 0.25\n',
  )
})

test('backslash, line feed and quotation mark are escaped in labels, the first two in help', () => {
  const samples = [{ name: 'x_total', labels: { client_id: 'a"b\\c\nd' }, value: 1 }]

  expect(expositionOf([family('counter', 'a\\b\n"c"', samples)])).toBe(
    '# HELP x_total a\\\\b\\n"c"\n# TYPE x_total counter\nx_total{client_id="a\\"b\\\\c\\nd"} 1\n',
  )
})

test.each([
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [1e21, '1e+21'],
  [5e-7, '5e-7'],
])('%s is written as %s', (value, text) => {
  const samples = [{ name: 'x_total', labels: { client_id: 'a' }, value }]

  expect(expositionOf([family('gauge', 'X.', samples)])).toContain(`} ${text}\n`)
})

test('a family without a sample is left out', () => {
  expect(expositionOf([family('gauge', 'X.', [])])).toBe('')
})
