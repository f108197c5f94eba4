import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import type { Installed } from './install.ts'
import type { Library } from './library.ts'

type Place = Pick<Library, 'name' | 'version' | 'missing' | 'start'>

const programs = fileURLToPath(new URL('programs/', import.meta.url))

/** A library for Node that is installed as it is. */
export const nodeLibrary = (name: string, program: string): Place => fromNpm('node24', 'node', name, program)

/** A library for Node with a part that is compiled on this machine. */
export const compiledLibrary = (name: string, program: string): Place => fromNpm('compiled', 'compiled', name, program)

function fromNpm(key: keyof Installed, manifestFolder: string, name: string, program: string): Place {
  const manifest = JSON.parse(readFileSync(`${programs}${manifestFolder}/package.json`, 'utf8'))
  return placed(key, name, manifest.dependencies[name], ({ program: node, folder }) => ({
    program: node,
    args: [`${programs}node/${program}`],
    env: { OTTLA_CLIENT_PACKAGES: folder },
  }))
}

export function pythonLibrary(name: string, program: string): Place {
  const pinned = readFileSync(`${programs}python/requirements.txt`, 'utf8')
  const version =
    pinned
      .split('\n')
      .find(line => line.startsWith(`${name}==`))
      ?.slice(name.length + 2) ?? 'unknown'
  return placed('python', name, version, ({ program: python }) => ({
    program: python,
    // Nothing is written beside the sources.
    args: ['-B', `${programs}python/${program}`],
  }))
}

export function goLibrary(name: string, module: string, client: string): Place {
  const pinned = readFileSync(`${programs}go/go.mod`, 'utf8')
  const line = pinned.split('\n').find(each => each.trim().startsWith(`${module} `))
  const version = line?.trim().split(' ')[1]?.slice(1) ?? 'unknown'
  return placed('go', name, version, ({ program }) => ({ program, args: [client] }))
}

type There = Exclude<Installed[keyof Installed], { missing: string }>

function placed(key: keyof Installed, name: string, version: string, start: (there: There) => Library['start']): Place {
  const found = inject('compatibility').installed[key]
  if ('missing' in found) return { name, version, missing: found.missing, start: { program: '', args: [] } }
  return { name, version, start: start(found) }
}
