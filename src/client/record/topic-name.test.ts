import fc from 'fast-check'
import { expect, test } from 'vitest'
import { topicNameProblem } from './topic-name.ts'

const legal = [...'abcxyzABCXYZ0189._-']

test('letters, digits, dot, underscore and hyphen, 1 to 249 of them', () => {
  fc.assert(
    fc.property(
      fc
        .string({ unit: fc.constantFrom(...legal), minLength: 1, maxLength: 249 })
        .filter(name => !/^\.\.?$/.test(name)),
      name => {
        expect(topicNameProblem(name)).toBeUndefined()
      },
    ),
  )
  for (const name of ['a', '...', 'x'.repeat(249), '__consumer_offsets']) expect(topicNameProblem(name)).toBeUndefined()
})

test('any other character makes it no topic, wherever it stands', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...legal), maxLength: 20 }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter(unit => !/^[a-zA-Z0-9._-]$/.test(unit)),
      fc.string({ unit: fc.constantFrom(...legal), maxLength: 20 }),
      (before, wrong, after) => {
        expect(topicNameProblem(before + wrong + after)).toBeTypeOf('string')
      },
    ),
  )
})

test.each(['', '.', '..', 'x'.repeat(250), 'a\n', null, undefined, 5, {}, Symbol('t'), ['a']])('%s is none', name => {
  expect(topicNameProblem(name)).toBeTypeOf('string')
})
