import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { add, countsOf, failedLines, line } from '../../scripts/run-tests.mjs'

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

test('each failed test has a line with its file, name and message; so has a file that could not be loaded', () => {
  const failing = (fullName: string, failureMessage: string) => ({
    ...{ status: 'failed', fullName },
    failureMessages: [failureMessage],
  })
  const report = {
    testResults: [
      {
        ...{ name: '/there/test/a.test.ts', status: 'failed' },
        assertionResults: [
          failing('group one breaks', '\n\u001b[31mError: expected 1\u001b[39m to be 2\n    at somewhere'),
          { status: 'passed', fullName: 'works' },
          failing('two breaks', ''),
        ],
      },
      { name: '/there/test/b.test.ts', status: 'failed', message: 'Cannot find x\n  more', assertionResults: [] },
      { name: '/there/test/c.test.ts', status: 'passed', assertionResults: [{ status: 'passed', fullName: 'works' }] },
    ],
  }

  expect(failedLines(report, '/there')).toEqual([
    'FAILED test/a.test.ts > group one breaks: Error: expected 1 to be 2',
    'FAILED test/a.test.ts > two breaks: no message',
    'FAILED test/b.test.ts: Cannot find x',
  ])
  expect(failedLines(undefined)).toEqual([])
})

test('a run ends with a line for each failure, and then its counts', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const folder = mkdtempSync(join(root, 'test', 'hygiene', '.run-'))
  try {
    writeFileSync(
      join(folder, 'sample.test.mjs'),
      `import { expect, test } from 'vitest'
       test('right', () => {})
       test('wrong', () => expect(1).toBe(2))`,
    )
    writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['*.test.mjs'] } }`)
    const script = join(root, 'scripts', 'run-tests.mjs')
    const env = { ...process.env, NO_COLOR: '1', OTTLA_TEST_COUNTS: '' }
    const { stdout, status } = spawnSync(process.execPath, [script], { cwd: folder, env, encoding: 'utf8' })

    expect(stdout.trimEnd().split('\n').slice(-2)).toEqual([
      'FAILED sample.test.mjs > wrong: AssertionError: expected 1 to be 2 // Object.is equality',
      '1 passed, 1 failed, 0 skipped',
    ])
    expect(status).toBe(1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
