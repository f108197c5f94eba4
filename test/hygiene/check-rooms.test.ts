import { expect, test } from 'vitest'
import { checkRooms, importsOf, picture, roomOf, upwardArrows } from '../../scripts/check-rooms.mjs'

const problemsOf = (path: string, text: string) => checkRooms([[path, text]]).problems

test.each([
  ['base/random.ts', 'base'],
  ['wire/protocol/messages/produce.ts', 'wire/protocol'],
  ['client/exactly-once/identity.ts', 'client/exactly-once'],
  ['broker/log/partition-log.ts', 'broker'],
  ['index.ts', 'index'],
  ['other.ts', undefined],
  ['wire/reader.ts', undefined],
  ['attic/x.ts', undefined],
  ['constructor/x.ts', undefined],
])('%s belongs to %s', (path, room) => {
  expect(roomOf(path)).toBe(room)
})

test('every way to name a module is seen', () => {
  const text = `
    import a from './a.ts'
    import type { B } from './b.ts'
    import './c.ts'
    export * from './d.ts'
    export type { E } from './e.ts'
    const f = await import('./f.ts')
    type G = import('./g.ts').G
    // import h from './h.ts'
  `
  expect(importsOf(text).map(found => found.specifier)).toEqual([
    './a.ts',
    './b.ts',
    './c.ts',
    './d.ts',
    './e.ts',
    './f.ts',
    './g.ts',
  ])
})

test.each([
  ['an upward arrow', 'wire/protocol/reader.ts', `import { x } from '../../client/record/record.ts'`],
  ['a type-only upward arrow', 'base/random.ts', `import type { X } from '../wire/protocol/types.ts'`],
  ['an import type', 'client/record/record.ts', `type X = import('../sender/sender.ts').X`],
  ['the broker knowing the client', 'broker/node.ts', `import { x } from '../client/record/record.ts'`],
  ['the broker knowing the network', 'broker/node.ts', `import { x } from '../wire/network/connection.ts'`],
  ['the protocol knowing compression', 'wire/protocol/x.ts', `import { x } from '../compression/index.ts'`],
  ['the package importing itself', 'cli/main.ts', `import { x } from 'ottla/broker'`],
  ['a file in no room', 'attic/x.ts', ''],
  ['an import of no room', 'base/random.ts', `import { x } from '../../test/x.ts'`],
])('%s is refused', (_, path, text) => {
  expect(problemsOf(path, text)).toHaveLength(1)
})

test('downward arrows and other packages are fine', () => {
  const text = `import ts from 'snappy'\nimport { x } from '../../base/invariant.ts'\nimport { y } from './y.ts'`

  expect(problemsOf('wire/compression/snappy.ts', text)).toEqual([])
})

test('the problem names file, line and rooms', () => {
  const text = `import fs from 'node:fs'\n\nimport { x } from '../client/record/record.ts'`

  expect(problemsOf('base/x.ts', text)).toEqual([
    'src/base/x.ts:3 imports ../client/record/record.ts: base may not know client/record',
  ])
})

test('the table itself leads down only, and a circle in it would be found', () => {
  expect(upwardArrows()).toEqual([])
  expect(upwardArrows({ a: ['b'], b: ['a'] })).toHaveLength(1)
  expect(upwardArrows({ a: ['a'] })).toHaveLength(1)
})

test('the picture shows the arrows that are there', () => {
  const { arrows } = checkRooms([['broker/node.ts', `import { x } from '../wire/protocol/reader.ts'`]])

  expect(picture(arrows)).toMatch(/^broker +──► wire\/protocol$/m)
})
