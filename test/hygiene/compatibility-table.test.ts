import { expect, test } from 'vitest'
import { differences, readMarks, renderDocument } from '../../scripts/compatibility/table.mjs'
import type { CellResult } from '../compatibility/cells.ts'

const cell = (client: string, operation: string, more: Partial<CellResult> = {}): CellResult => ({
  ...{ table: 'clients', client, version: '1', operation, result: 'passed', ms: 1 },
  ...more,
})

test('rows follow the client that has most of them, and what only others do stands where they do it', () => {
  const document = renderDocument([
    cell('short', 'produce'),
    cell('short', 'own'),
    cell('short', 'groups'),
    cell('long', 'produce'),
    cell('long', 'consume'),
    cell('long', 'groups'),
    cell('long', 'admin'),
  ])

  expect(document.split('\n').filter(line => line.startsWith('|'))).toEqual([
    '|  | short 1 | long 1 |',
    '| --- | --- | --- |',
    '| produce | yes | yes |',
    '| own | yes | – |',
    '| consume | – | yes |',
    '| groups | yes | yes |',
    '| admin | – | yes |',
  ])
})

test('what did not work, was not tried or has limits is told below the table', () => {
  const document = renderDocument([
    cell('one', 'produce', { result: 'lacking', reason: 'it sends what Kafka refuses\nmore' }),
    cell('two', 'produce', { result: 'skipped', reason: 'no compiler' }),
    cell('two', 'consume', { version: '2', result: 'skipped', reason: 'no judge' }),
    cell('two', 'admin', { version: '2' }),
    cell('three', 'produce', { remarks: ['its API lacks growing topics'] }),
  ])

  const marks = readMarks(document)
  expect([marks.get('one 1, produce'), marks.get('two 1, produce'), marks.get('two 2, consume')]).toEqual([
    'no',
    'not tried',
    'not tried',
  ])
  expect(document.split('\n').filter(line => line.startsWith('- '))).toEqual([
    '- one, produce: it sends what Kafka refuses',
    '- two 1 was not tried: no compiler',
    '- two 2 was not tried in 1 of 2 cells: no judge',
    '- three: its API lacks growing topics',
  ])
})

test('a cell that has changed, come or gone is a difference; one that was not tried is none', () => {
  const written = renderDocument([cell('one', 'kept'), cell('one', 'broken'), cell('one', 'gone'), cell('two', 'kept')])
  const seen = renderDocument([
    cell('one', 'kept'),
    cell('one', 'broken', { result: 'failed' }),
    cell('one', 'new'),
    cell('two', 'kept', { result: 'skipped' }),
  ])

  expect(differences(written, written)).toEqual([])
  expect(differences(written, seen)).toEqual([
    'one 1, broken: "yes" is written, "no" was seen',
    'one 1, gone: "yes" is written, "–" was seen',
    'one 1, new: "–" is written, "yes" was seen',
  ])
})

test('another release of a client contradicts nothing; one that is gone without another does', () => {
  const release = (client: string, version: string) => cell(client, 'produce', { version })
  const written = renderDocument([release('kcat', '1.7.1'), release('tools', '4.3'), release('tools', '3.9')])
  const newer = renderDocument([release('kcat', '1.8.0'), release('tools', '4.3'), release('tools', '3.9')])
  const fewer = renderDocument([release('kcat', '1.7.1'), release('tools', '4.3')])

  expect(differences(written, newer)).toEqual([])
  expect(differences(written, fewer)).toEqual(['tools 3.9, produce: "yes" is written, "–" was seen'])
})
