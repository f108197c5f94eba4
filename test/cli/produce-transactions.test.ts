import type { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'
import { builtCommand } from './built-command.ts'
import { runCommand, startCommand, until } from './run-command.ts'

/** `ottla produce --transactional-id`, as a process of its own against the embedded broker. */
let main: string
let broker: Broker
let topic: string
let transactionalId: string
let runs = 0

beforeAll(async () => {
  main = await builtCommand()
  broker = await startBroker({ autoCreateTopics: false })
})
afterAll(async () => {
  await broker?.close()
})
beforeEach(() => {
  topic = `topic-${++runs}`
  transactionalId = `id-${runs}`
  broker.createTopic(topic, { partitions: 1, config: { 'max.message.bytes': '2000' } })
})

const argsOf = (flags: readonly string[]) => {
  return ['produce', '-b', broker.bootstrapServers, '-t', topic, '--transactional-id', transactionalId, ...flags]
}
const produce = (input: string, ...flags: string[]) => runCommand(main, argsOf(flags), input)
const start = (...flags: string[]) => startCommand(main, argsOf(flags))

/** Everything in the log, and what readers of committed records see of it. */
const stored = () => broker.records(topic).map(({ value }) => String(value))
async function committed(): Promise<string[]> {
  const args = ['tail', topic, '-b', broker.bootstrapServers, '--from', 'beginning', '--no-follow', '--read-committed']
  const { code, stdout, stderr } = await runCommand(main, args)
  expect([code, stderr]).toEqual([0, ''])
  return stdout.split('\n').filter(line => line !== '')
}

/** How the transactions of this test were ended. */
const ends = () =>
  broker
    .requests('EndTxn')
    .filter(request => request.transactionalId === transactionalId)
    .map(({ body }) => ((body as { committed: boolean }).committed ? 'commit' : 'abort'))

const tooLarge = 'x'.repeat(3000)
/** A line that is not even sent. */
const hopeless = ['x'.repeat(70_000), '-X', 'max.request.size=1000'] as const

describe('what is committed', () => {
  test('all of the input is one transaction, committed at its end', async () => {
    const { child, ended } = start()
    child.stdin.write('a\nb\nc\n')
    await until(() => stored().length === 3)
    expect([ends(), await committed()]).toEqual([[], []])

    child.stdin.end('d')
    const { code, stderr } = await ended

    expect(code).toBe(0)
    expect(stderr).toMatch(/^4 records, 4 B in .*: 4 committed in 1 transaction\nlatency p50 /)
    expect(ends()).toEqual(['commit'])
    expect(await committed()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('with --records-per-transaction one after so many records, and the rest at the end', async () => {
    const { child, ended } = start('--records-per-transaction', '2', '--json')
    child.stdin.write('a\nb\nc\n')
    await until(() => stored().length === 3)
    expect(await committed()).toEqual(['a', 'b'])

    child.stdin.end('d\ne\n')
    const { code, stdout } = await ended

    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ records: 5, acknowledged: 5, failed: 0, aborted: 0, stopped: null },
      transactions: { committed: 3, aborted: 0 },
    })
    expect(ends()).toEqual(['commit', 'commit', 'commit'])
    expect(await committed()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('no transaction is begun where there is no record for it', async () => {
    const empty = await produce('')
    const full = await produce('a\nb\n', '--records-per-transaction', '2')

    expect([empty.code, full.code]).toEqual([0, 0])
    expect(empty.stderr).toContain('0 committed in 0 transactions')
    expect(full.stderr).toContain('2 committed in 1 transaction')
    expect(ends()).toEqual(['commit'])
  })

  test('-c ends the input', async () => {
    expect((await produce('a\nb\nc\n', '-c', '2')).code).toBe(0)
    expect(await committed()).toEqual(['a', 'b'])
  })

  test('one by one, with --sync', async () => {
    const { code, stderr } = await produce('a\nb\nc\n', '--sync', '--records-per-transaction', '2')

    expect(code).toBe(0)
    expect(stderr).toContain('3 committed in 2 transactions')
    expect(await committed()).toEqual(['a', 'b', 'c'])
  })

  test('transactional.id as a property is the same', async () => {
    const flags = ['-X', `transactional.id=${transactionalId}`, '--records-per-transaction', '2']
    const args = ['produce', '-b', broker.bootstrapServers, '-t', topic, ...flags]

    const { code, stderr } = await runCommand(main, args, 'a\nb\nc\n')

    expect(code).toBe(0)
    expect(stderr).toContain('3 committed in 2 transactions')
    expect(ends()).toEqual(['commit', 'commit'])
  })
})

describe('what is aborted', () => {
  test.each([
    ['all together', []],
    ['with --sync', ['--sync']],
  ])('a record that the broker refuses takes its transaction with it, and no other: %s', async (_, flags) => {
    const input = `a\nb\nc\n${tooLarge}\n`
    const { child, ended } = start('--records-per-transaction', '2', ...flags)
    child.stdin.write(input)
    const { code, stderr } = await ended

    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^stdin:4: ${topic} RECORD_TOO_LARGE \\(aborted\\): `, 'm'))
    expect(stderr).toContain(
      'ottla produce: stdin:4 failed; the open transaction of 2 records was aborted; 2 records were committed before\n',
    )
    expect(stderr).toContain(': 2 committed in 1 transaction, 2 aborted\n')
    expect(ends()).toEqual(['commit', 'abort'])
    expect(await committed()).toEqual(['a', 'b'])
  })

  test('where all of the input is one transaction, nothing of it is seen, though it was written', async () => {
    const { child, ended } = start('--json')
    child.stdin.write('a\nb\n')
    await until(() => stored().length === 2)
    child.stdin.end(`${tooLarge}\nd\n`)
    const { code, stdout, stderr } = await ended

    expect(code).toBe(1)
    const failures = [{ place: 'stdin:3', topic, code: 'RECORD_TOO_LARGE', outcome: 'aborted' }]
    const { records, ...summary } = JSON.parse(stdout)
    expect(summary).toMatchObject({ acknowledged: 0, failed: records, aborted: records, unknown: 0, failures })
    expect(summary.transactions).toEqual({ committed: 0, aborted: 1 })
    expect(stderr).toContain('nothing was committed before')
    expect(await committed()).toEqual([])
    // The broker took these, and they stay in the log.
    expect(stored().slice(0, 2)).toEqual(['a', 'b'])
  })

  test.each([
    ['a line that is too large', hopeless[0], hopeless.slice(1)],
    ['a line that does not fit', 'no key', ['--reader-property', 'parse.key=true']],
  ])('%s aborts what is open', async (_, line, flags) => {
    const { code, stderr } = await produce(`k\ta\nk\tb\nk\tc\n${line}\nk\td\n`, ...flags, '--records-per-transaction=2')

    expect(code).toBe(1)
    expect(stderr).toMatch(/^stdin:4: /m)
    expect(stderr).toContain('; the open transaction of 1 record was aborted; 2 records were committed before\n')
    expect(stderr).toContain(': 2 committed in 1 transaction, 1 not written, 1 aborted\n')
    expect((await committed()).length).toBe(2)
  })

  test('where no transaction is open, there is nothing to be aborted', async () => {
    const [line, ...flags] = hopeless

    const { code, stderr } = await produce(`a\nb\n${line}\nc\n`, ...flags, '--records-per-transaction', '2')

    expect(code).toBe(1)
    expect(stderr).toContain('stdin:3 failed; no transaction was open; 2 records were committed before\n')
    expect(ends()).toEqual(['commit'])
    expect(await committed()).toEqual(['a', 'b'])
  })

  test('whoever takes the id over fences the run', async () => {
    const { child, ended } = start('--records-per-transaction', '2')
    child.stdin.write('a\nb\nc\n')
    await until(() => stored().length === 3)
    await using other = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId })
    await other.initTransactions()
    child.stdin.end('d\ne\n')
    const { code, stderr } = await ended

    expect(code).toBe(1)
    expect(stderr).toMatch(/the open transaction of \d records? was not committed: another producer uses/)
    expect(stderr).toContain('2 records were committed before')
    expect(await committed()).toEqual(['a', 'b'])
  })
})

describe('Ctrl-C', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s aborts the open transaction, and what was committed stays', async (signal, exitCode) => {
    const { child, ended } = start('--records-per-transaction', '2')
    child.stdin.write('a\nb\nc\nunfinished')
    await until(() => stored().length === 3)

    child.kill(signal)
    const { code, stderr } = await ended

    expect(code).toBe(exitCode)
    expect(stderr).toContain('stopping: aborting the transaction of 1 record; again to quit at once\n')
    expect(stderr).toContain(
      `ottla produce: stopped by ${signal}; the open transaction of 1 record was aborted; 2 records were committed before\n`,
    )
    expect(stderr).toContain(': 2 committed in 1 transaction, 1 aborted\n')
    expect(ends()).toEqual(['commit', 'abort'])
    expect(await committed()).toEqual(['a', 'b'])
  })

  test('a commit that is under way is awaited', async () => {
    const held = broker.faults.hold('EndTxn', { transactionalId, phase: 'after' })
    const { child, ended } = start('--records-per-transaction', '2')
    const said = textOf(child.stderr)
    child.stdin.write('a\nb\nc\n')
    await until(() => ends().length === 1)

    child.kill('SIGINT')
    await until(() => said().includes('stopping: waiting for the commit of 2 records; again to quit at once'))
    held.release()
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(stderr).toContain('stopped by SIGINT; no transaction was open; 2 records were committed before\n')
    expect(await committed()).toEqual(['a', 'b'])
  })

  test('the second one does not wait for the abort', async () => {
    broker.faults.swallowAnswer('EndTxn', { transactionalId })
    const { child, ended } = start()
    const said = textOf(child.stderr)
    child.stdin.write('a\n')
    await until(() => stored().length === 1)

    child.kill('SIGINT')
    await until(() => said().includes('aborting the transaction'))
    await until(() => ends().length === 1)
    child.kill('SIGINT')
    const killedMs = performance.now()
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(performance.now() - killedMs).toBeLessThan(5_000)
    expect(stderr).toContain('the open transaction of 1 record was not committed: the cluster aborts it')
    expect(stderr).toContain(': 0 committed in 0 transactions, 1 aborted\n')
  })
})

describe('a commit without an answer', () => {
  const impatient = ['request.timeout.ms=200', 'delivery.timeout.ms=500', 'max.block.ms=500', 'linger.ms=0']

  test('is told plainly', async () => {
    broker.faults.swallowAnswer('EndTxn', { transactionalId, skip: 1, times: Number.POSITIVE_INFINITY })

    const flags = impatient.flatMap(property => ['-X', property])
    const { code, stderr } = await produce('a\nb\nc\nd\ne\n', '--records-per-transaction', '2', ...flags)

    expect(code).toBe(1)
    expect(stderr).toContain(
      'ottla produce: the commit was not answered (COMMIT_UNKNOWN); it is not known whether the last 2 records were committed; 2 records were committed before\n',
    )
    expect(stderr).toContain(': 2 committed in 1 transaction, 2 unknown\n')
    // Nothing is asked that could be taken for the end of another transaction.
    expect(ends()).not.toContain('abort')
  })

  test('is given up by the second Ctrl-C', async () => {
    broker.faults.swallowAnswer('EndTxn', { transactionalId })
    const { child, ended } = start('--records-per-transaction', '1')
    const said = textOf(child.stderr)
    child.stdin.write('a\n')
    await until(() => ends().length === 1)

    child.kill('SIGINT')
    await until(() => said().includes('waiting for the commit of 1 record'))
    child.kill('SIGINT')
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(stderr).toContain(
      'stopped by SIGINT; it is not known whether the last 1 record was committed; nothing was committed before\n',
    )
  })
})

test('what is wrong with the flags is told before anything is sent', async () => {
  const args = ['produce', '-b', broker.bootstrapServers, '-t', topic]
  const alone = await runCommand(main, [...args, '--records-per-transaction', '5'], 'a\n')
  const none = await runCommand(main, [...args, '--transactional-id', '', '--records-per-transaction', '0'], 'a\n')
  const few = await produce('a\n', '--acks', '1', '--records-per-transaction', '1.5')

  expect([alone.code, none.code, few.code]).toEqual([2, 2, 2])
  expect(alone.stderr).toContain('--records-per-transaction needs --transactional-id <id>\n')
  expect(none.stderr).toContain('--transactional-id is empty\n')
  expect(none.stderr).toContain('--records-per-transaction is a number from 1, not "0"\n')
  expect(few.stderr).toContain('--acks 1 and transactions exclude each other\n')
  expect(few.stderr).toContain('not "1.5"\n')
  expect(stored()).toEqual([])
})

/** What has come so far. */
function textOf(stream: Readable): () => string {
  let text = ''
  stream.on('data', data => {
    text += data
  })
  return () => text
}
