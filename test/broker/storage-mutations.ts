import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/base/random.ts'

/** What was done to a data folder. */
export interface Damage {
  readonly what: string
  /** The segment file that is no longer as it was written, and from which byte on. */
  readonly log?: { readonly folder: string; readonly base: bigint; readonly position: number }
}

type Mutation = (dataDir: string, folder: string, random: Random) => Damage

const upTo = (random: Random, limit: number) => Math.floor(random() * limit)
const oneOf = <T>(random: Random, items: readonly T[]): T => items[upTo(random, items.length)]!
const filesOf = (path: string, suffix: string) => readdirSync(path).filter(name => name.endsWith(suffix))
const garbage = (random: Random, size: number) => Buffer.from(Array.from({ length: size }, () => upTo(random, 256)))

function logDamage(what: string, folder: string, file: string, position: number): Damage {
  const base = BigInt(file.slice(0, 20))
  return { what: `${what} at ${position} of ${folder}/${file}`, log: { folder, base, position } }
}

/** A change of one segment file, from a random byte on. */
function changesLog(
  what: string,
  change: (bytes: Buffer, at: number, random: Random) => Buffer,
  from: (size: number, random: Random) => number = (size, random) => upTo(random, size),
): Mutation {
  return (dataDir, folder, random) => {
    const file = oneOf(random, filesOf(join(dataDir, folder), '.log'))
    const path = join(dataDir, folder, file)
    const bytes = readFileSync(path)
    const at = from(bytes.length, random)
    writeFileSync(path, change(bytes, at, random))
    return logDamage(what, folder, file, at)
  }
}

/** A change of one file that is made anew at each start, or that only names what is known already. */
function changesOther(what: string, change: (path: string, random: Random) => void, pattern: RegExp): Mutation {
  return (dataDir, folder, random) => {
    const files = readdirSync(join(dataDir, folder)).filter(name => pattern.test(name))
    const file = oneOf(random, files)
    change(join(dataDir, folder, file), random)
    return { what: `${what} ${folder}/${file}` }
  }
}

const indexes = /\.(index|timeindex)$/
const anyButLogs = /^(?!.*\.log$)/

/** Ways in which a folder may be other than it was left. */
export const mutations: readonly Mutation[] = [
  changesLog('cut off', (bytes, at) => bytes.subarray(0, at)),
  changesLog(
    'cut off',
    (bytes, at) => bytes.subarray(0, at),
    (size, random) => Math.max(0, size - 1 - upTo(random, 80)),
  ),
  changesLog('bit flipped', (bytes, at, random) => {
    bytes[at]! ^= 1 << upTo(random, 8)
    return bytes
  }),
  changesLog(
    'bit flipped',
    (bytes, at, random) => {
      bytes[at]! ^= 1 << upTo(random, 8)
      return bytes
    },
    (size, random) => Math.min(size - 1, upTo(random, 61)),
  ), // the header of the first batch
  changesLog('zeros', (bytes, at, random) => bytes.fill(0, at, Math.min(bytes.length, at + 1 + upTo(random, 200)))),
  changesLog('zeros to the end', (bytes, at) => bytes.fill(0, at)),
  changesLog('garbage', (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), garbage(random, 300)])),
  changesLog(
    'garbage',
    (bytes, _, random) => Buffer.concat([bytes, garbage(random, 1 + upTo(random, 300))]),
    size => size,
  ),
  changesLog(
    'zeros behind',
    (bytes, _, random) => Buffer.concat([bytes, Buffer.alloc(upTo(random, 5000))]),
    size => size,
  ),
  changesLog('bytes left out', (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + upTo(random, 100))]),
  ),
  (dataDir, folder, random) => {
    const file = oneOf(random, filesOf(join(dataDir, folder), '.log'))
    rmSync(join(dataDir, folder, file))
    return logDamage('deleted', folder, file, 0)
  },
  changesOther('deleted', path => rmSync(path), indexes),
  changesOther('cut off', (path, random) => truncateSync(path, upTo(random, 20)), indexes),
  changesOther('garbage in', (path, random) => writeFileSync(path, garbage(random, upTo(random, 500))), indexes),
  changesOther('garbage in', (path, random) => writeFileSync(path, garbage(random, upTo(random, 60))), anyButLogs),
  changesOther('deleted', path => rmSync(path), anyButLogs),
  changesOther('garbage behind', (path, random) => appendFileSync(path, garbage(random, upTo(random, 60))), anyButLogs),
  changesOther(
    'a folder instead of',
    path => {
      rmSync(path)
      mkdirSync(path)
    },
    anyButLogs,
  ),
  (dataDir, folder, random) => {
    const [one, other] = [0, 0].map(() => join(dataDir, folder, oneOf(random, filesOf(join(dataDir, folder), 'index'))))
    if (one !== other) {
      renameSync(one!, `${one}-other`)
      renameSync(other!, one!)
      renameSync(`${one}-other`, other!)
    }
    return { what: `indexes swapped in ${folder}` }
  },
  (dataDir, folder, random) => {
    const name = oneOf(random, [
      'notes.txt',
      '12.log',
      '99999999999999999999.log',
      'x.log.cleaned',
      'y.deleted',
      'z.tmp',
    ])
    writeFileSync(join(dataDir, oneOf(random, ['', folder]), name), garbage(random, 100))
    return { what: `stray ${name}` }
  },
  (dataDir, folder, random) => {
    const file = oneOf(random, filesOf(join(dataDir, folder), '.log'))
    writeFileSync(join(dataDir, folder, file.replace('.log', '.log.cleaned')), garbage(random, 400))
    return { what: `half a compaction of ${folder}/${file}` }
  },
  (dataDir, folder, random) => {
    const file = oneOf(random, filesOf(join(dataDir, folder), '.log'))
    const path = join(dataDir, folder, file)
    // The copy is what the original is; which of them is taken makes no difference.
    if (!existsSync(`${path}.swap`)) writeFileSync(`${path}.swap`, readFileSync(path))
    return { what: `a swap file for ${folder}/${file}` }
  },
  (dataDir, _, random) => {
    writeFileSync(join(dataDir, 'cleaner-offset-checkpoint'), garbage(random, upTo(random, 80)))
    return { what: 'garbage in cleaner-offset-checkpoint' }
  },
]
