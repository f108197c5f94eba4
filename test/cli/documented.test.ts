import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { builtCommand } from './built-command.ts'
import { runCommand, startCommand } from './run-command.ts'

const page = await readFile(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8')
const blocks = [...page.matchAll(/^```sh\n([\s\S]+?)^```$/gm)].flatMap(([, block = '']) => block.split('\n'))
/** In the order of the page; of a pipe its first part. */
const commands = blocks
  .filter(line => /^ottla (topics|tail) /.test(line))
  .map(line => line.split(' | ')[0]!.trim().split(/\s+/).slice(1))

let main: string
let broker: Broker

beforeAll(async () => {
  main = await builtCommand()
  broker = await startBroker({ autoCreateTopics: false })
})
afterAll(async () => {
  await broker?.close()
})

test('every command line of the page about topics and tail is one that works', async () => {
  expect(commands.length).toBeGreaterThanOrEqual(8)
  for (const args of commands) {
    if (args[0] === 'tail' && !broker.topics.includes('orders')) broker.createTopic('orders')
    const { child, ended } = startCommand(main, [...args, '-b', broker.bootstrapServers])
    const follows = args[0] === 'tail' && !args.includes('--no-follow')
    if (follows) {
      await broker.waitForRequest(({ api, clientId }) => api === 'Fetch' && clientId === 'ottla-tail')
      child.kill('SIGINT')
    }
    const { code, stderr } = await ended
    expect([args.join(' '), code, stderr]).toEqual([args.join(' '), follows ? 130 : 0, ''])
  }
})

test.each([
  ['produce', 'topics', 'Input:', '--transactional-id'],
  ['metrics', 'broker', 'Examples:', '--producer'],
])('the help of ottla %s and its part of the page name the same flags', async (command, next, after, one) => {
  const flagsIn = (text: string) => [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]+/g))].sort()
  const part = page.slice(page.indexOf(`## ottla ${command}`), page.indexOf(`## ottla ${next}`))
  const rows = part.split('\n').filter(line => /^\| `-/.test(line))

  const { code, stdout } = await runCommand(main, [command, '--help'])

  const options = stdout.slice(stdout.indexOf('Options:'), stdout.indexOf(after))
  const declared = options.match(/^ {2}(-\w, )?--[a-z-]+/gm)?.join('\n') ?? ''
  const documented = rows.map(row => row.slice(0, row.indexOf('|', 1))).join('\n')
  expect(code).toBe(0)
  expect(flagsIn(documented)).toContain(one)
  expect(flagsIn(documented)).toEqual(flagsIn(declared).filter(flag => flag !== '--help'))
})
