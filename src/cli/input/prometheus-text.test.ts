import { expect, test } from 'vitest'
import { pageSamples } from './prometheus-text.ts'

test('names, labels and numbers are read; help, types, times and exemplars are not', () => {
  const page = [
    '# HELP k_a_total What {it="is"} 1',
    '# TYPE k_a_total counter',
    'k_a_total{client_id="x",topic="t"} 12 1700000000000',
    'k_b 0.5',
    'k_c_bucket{le="+Inf",} 3 # {trace_id="abc"} 0.2 1700000000.1',
    'k_d{ a = "1" , b="2" }\t1e+21',
    '# EOF',
  ].join('\n')

  expect(pageSamples(page, 'k_')).toEqual([
    { name: 'k_a_total', labels: { client_id: 'x', topic: 't' }, value: 12 },
    { name: 'k_b', labels: {}, value: 0.5 },
    { name: 'k_c_bucket', labels: { le: '+Inf' }, value: 3 },
    { name: 'k_d', labels: { a: '1', b: '2' }, value: 1e21 },
  ])
})

test.each([
  ['+Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
  ['NaN', Number.NaN],
  ['-1.5e-3', -0.0015],
])('%s is a number', (text, value) => {
  expect(pageSamples(`k ${text}\n`, 'k')).toEqual([{ name: 'k', labels: {}, value }])
})

test('braces, commas, quotation marks and line feeds in a label are its own', () => {
  expect(pageSamples('k{a="}, b=\\"1\\"",c="\\\\ \\n"} 1', 'k')).toEqual([
    { name: 'k', labels: { a: '}, b="1"', c: '\\ \n' }, value: 1 },
  ])
})

test('metrics of others, and lines that nobody can read, are left out', () => {
  expect(pageSamples('other{x="}" 1\nnodejs_heap 3\nk_a{ 1\nk_b 1 and so on\nk_c 2\r\n', 'k_')).toEqual([
    { name: 'k_b', labels: {}, value: 1 },
    { name: 'k_c', labels: {}, value: 2 },
  ])
})

test.each(['<!DOCTYPE html>\n<p>1</p>', '{"status":"ok"}', 'Nothing is here.\n', 'a=1'])(
  '%j is no page of metrics',
  page => {
    expect(pageSamples(page, 'k')).toBeUndefined()
  },
)

test('an empty page is one without metrics, and so is one that has those of others', () => {
  expect(pageSamples('\n', 'k')).toEqual([])
  expect(pageSamples('# TYPE up gauge\nup 1\n', 'k')).toEqual([])
})
