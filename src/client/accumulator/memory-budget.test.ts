import { expect, test } from 'vitest'
import { InvariantError } from '../../base/invariant.ts'
import { MemoryBudget } from './memory-budget.ts'

test('what is lent is used, what is given back is free', () => {
  const budget = new MemoryBudget(100)
  budget.lend(70)
  budget.lend(20)
  budget.giveBack(70)
  expect([budget.totalBytes, budget.usedBytes, budget.freeBytes]).toEqual([100, 20, 80])
})

test('a record whose text is longer than guessed may take it beyond the total', () => {
  const budget = new MemoryBudget(100)
  budget.lend(120)
  expect(budget.freeBytes).toBe(-20)
  budget.giveBack(120)
  expect(budget.freeBytes).toBe(100)
})

test('more cannot be given back than was lent', () => {
  const budget = new MemoryBudget(100)
  budget.lend(10)
  expect(() => budget.giveBack(11)).toThrow(InvariantError)
})
