import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { importsOf, roomOf } from '../../scripts/check-rooms.mjs'
import { builtCommand } from '../cli/built-command.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('only the room of OpenTelemetry imports its API, and nothing imports that room', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    path => path.endsWith('.ts') && !path.endsWith('.test.ts'),
  )
  const users = files.flatMap(path =>
    importsOf(readFileSync(join(root, 'src', path), 'utf8')).map(({ specifier }) => ({
      room: roomOf(path),
      specifier,
    })),
  )
  const ofApi = users.filter(({ specifier }) => specifier.startsWith('@opentelemetry/'))
  expect(new Set(ofApi.map(({ room, specifier }) => `${room}: ${specifier}`))).toEqual(
    new Set(['opentelemetry: @opentelemetry/api']),
  )
  expect(
    users.filter(({ room, specifier }) => room !== 'opentelemetry' && /\/opentelemetry\//.test(specifier)),
  ).toEqual([])
})

/** Resolves as if optional peers were not installed. */
const withoutPeers = `
  import { register } from 'node:module'
  const hooks = ${JSON.stringify(
    'export const resolve = (name, context, next) => { if (name.startsWith("@opentelemetry/")) throw new Error(name + " is not installed"); return next(name, context) }',
  )}
  register('data:text/javascript,' + encodeURIComponent(hooks))
`

const load = (...doors: string[]) =>
  promisify(execFile)(process.execPath, [
    '--import',
    `data:text/javascript,${encodeURIComponent(withoutPeers)}`,
    '--input-type=module',
    '-e',
    doors.map(door => `await import('${pathToFileURL(join(root, 'dist', door)).href}')`).join('\n'),
  ])

test('without it installed everything else can be loaded', async () => {
  await builtCommand()
  await load('index.js', 'broker/index.js', 'testing/index.js')
  await expect(load('opentelemetry/index.js')).rejects.toThrow('@opentelemetry/api is not installed')
})
