import { expect, test } from 'vitest'
import { add, countsOf, line } from '../../scripts/run-tests.mjs'

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map(each => ({ status: each })),
})

test('tests are counted by what became of them', () => {
  const report = {
    testResults: [file('failed', 'passed', 'failed', 'skipped', 'todo', 'pending'), file('passed', 'passed')],
  }

  expect(countsOf(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 3 })
})

test('a file that could not be loaded is a failure', () => {
  expect(countsOf({ testResults: [file('failed'), file('passed', 'passed')] }, 1)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  })
})

test('a run that broke without a failed test is a failure', () => {
  expect(countsOf({ testResults: [file('passed', 'passed')] }, 1).failed).toBe(1)
  expect(countsOf(undefined, 1).failed).toBe(1)
  expect(countsOf(undefined, null).failed).toBe(1)
})

test('the last line adds up several runs', () => {
  const one = countsOf({ testResults: [file('passed', 'passed', 'skipped')] }, 0)

  expect(line(add(one, one))).toBe('2 passed, 0 failed, 2 skipped')
})
