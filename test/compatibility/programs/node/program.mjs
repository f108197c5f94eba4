// What the programs of the libraries for Node have in common: node <program> <bootstrap servers> <operation>, the task as JSON on
// standard input, the answer as the last line of standard output. The operations are those of ../../library.ts.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

/** A package out of the folder that OTTLA_CLIENT_PACKAGES names. */
export async function load(name) {
  const folder = process.env.OTTLA_CLIENT_PACKAGES ?? ''
  return import(pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href)
}

/** Does the operation that was asked for. */
export async function answer(operations) {
  const [bootstrapServers, name] = process.argv.slice(2)
  const operation = operations[name]
  if (operation === undefined) throw new Error(`no operation ${name}`)
  const found = await operation(bootstrapServers.split(','), JSON.parse(await text(process.stdin)))
  // On a line of its own: some clients log to standard output.
  const told = JSON.stringify(found ?? null, (_, value) => (typeof value === 'bigint' ? Number(value) : value))
  // Some clients keep the process for a while after they were closed.
  process.stdout.write(`\n${told}\n`, () => process.exit(0))
}

export const bytesOf = base64 => (base64 === null ? null : Buffer.from(base64, 'base64'))
export const textOf = base64 => bytesOf(base64)?.toString() ?? null
export const base64Of = value => (value == null ? null : Buffer.from(value).toString('base64'))

/** Resolves with what `begin` hands to its argument; whatever rejects in between rejects this. */
export function once(begin) {
  return new Promise((resolve, reject) => {
    Promise.resolve(begin(resolve, reject)).catch(reject)
  })
}
