// Fails where a file imports a room that its own may not, types included. Rooms and their arrows are the table below.
// node scripts/check-rooms.mjs [--print | --write]   --write puts the picture between the marks in ARCHITECTURE.md
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const wire = ['wire/protocol', 'wire/compression', 'wire/network']

/** Each room and what it may import, lowest first: an arrow to a room further down the list is refused when the table is read. */
const rooms = {
  base: [],
  'wire/protocol': ['base'],
  'wire/compression': ['base'],
  'wire/network': ['base', 'wire/protocol'],
  broker: ['base', 'wire/protocol', 'wire/compression'],
  'client/metrics': ['base'],
  'client/telemetry': ['base', 'wire/protocol', 'wire/compression', 'client/metrics'],
  'client/record': ['base', 'wire/protocol'],
  'client/observer': ['base', 'client/record'],
  'client/partitioners': ['base', 'client/record'],
  'client/accumulator': [
    'base',
    'wire/protocol',
    'wire/compression',
    'client/metrics',
    'client/record',
    'client/observer',
  ],
  'client/cluster': ['base', 'wire/protocol', 'wire/network', 'client/record'],
  'client/admin': ['base', 'wire/protocol', 'wire/network', 'client/cluster'],
  'client/reader': ['base', ...wire, 'client/cluster', 'client/admin'],
  'client/courier': ['base', 'wire/protocol', 'wire/network', 'client/cluster'],
  'client/exactly-once': [
    'base',
    'wire/protocol',
    'wire/network',
    'client/record',
    'client/accumulator',
    'client/cluster',
  ],
  'client/sender': [
    'base',
    'wire/protocol',
    'wire/network',
    'client/metrics',
    'client/observer',
    'client/record',
    'client/accumulator',
    'client/cluster',
    'client/exactly-once',
  ],
  'client/producer': [
    'base',
    ...wire,
    'client/metrics',
    'client/observer',
    'client/record',
    'client/partitioners',
    'client/accumulator',
    'client/cluster',
    'client/courier',
    'client/exactly-once',
    'client/sender',
    'client/telemetry',
  ],
  testing: [
    'base',
    'broker',
    'client/metrics',
    'client/record',
    'client/observer',
    'client/partitioners',
    'client/accumulator',
    'client/producer',
  ],
  prometheus: ['base', 'client/metrics'],
  // It hears of producers by channels only.
  opentelemetry: ['base', 'client/metrics', 'client/record', 'client/observer'],
  // The door of the package: src/index.ts.
  index: ['base', 'client/metrics', 'client/record', 'client/observer', 'client/partitioners', 'client/producer'],
  cli: [
    'base',
    ...wire,
    'broker',
    'client/record',
    'client/partitioners',
    'client/cluster',
    'client/admin',
    'client/reader',
    'client/observer',
    'client/producer',
    'prometheus',
    'index',
  ],
}

const marks = ['<!-- rooms: made by scripts/check-rooms.mjs -->', '<!-- end of rooms -->']

/** The room of a file, by its path below src/. */
export function roomOf(path) {
  const [first, second, ...rest] = path.split('/')
  if (second === undefined) return first === 'index.ts' ? 'index' : undefined
  const room = first === 'wire' || first === 'client' ? (rest.length > 0 ? `${first}/${second}` : undefined) : first
  return room !== undefined && Object.hasOwn(rooms, room) ? room : undefined
}

/** Every module a text names, in imports, exports, dynamic imports and import types alike. */
export function importsOf(text) {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName, pos }) => ({
    specifier: fileName,
    line: text.slice(0, pos).split('\n').length,
  }))
}

/** Everything wrong in a set of files (path below src/ → text), and the arrows that are there. */
export function checkRooms(files) {
  const problems = []
  const arrows = new Map(Object.keys(rooms).map(room => [room, new Map()]))
  for (const [path, text] of files) {
    const room = roomOf(path)
    if (room === undefined) {
      problems.push(`src/${path} is in no room`)
      continue
    }
    for (const { specifier, line } of importsOf(text)) {
      if (/^ottla(\/|$)/.test(specifier)) problems.push(`src/${path}:${line} imports the package itself (${specifier})`)
      if (!specifier.startsWith('.')) continue
      const target = join(dirname(path), specifier).split(sep).join('/')
      const targetRoom = target.startsWith('../') ? undefined : roomOf(target)
      if (targetRoom === undefined) {
        // package.json is read by whoever tells the version.
        if (target !== '../package.json') problems.push(`src/${path}:${line} imports ${specifier}, which is in no room`)
      } else if (targetRoom !== room) {
        arrows.get(room).set(targetRoom, (arrows.get(room).get(targetRoom) ?? 0) + 1)
        if (!rooms[room].includes(targetRoom))
          problems.push(`src/${path}:${line} imports ${specifier}: ${room} may not know ${targetRoom}`)
      }
    }
  }
  return { problems, arrows }
}

/** Arrows of the table that lead up, which would allow a circle. */
export function upwardArrows(table = rooms) {
  const order = Object.keys(table)
  return order.flatMap((room, at) =>
    table[room]
      .filter(target => !order.slice(0, at).includes(target))
      .map(target => `the table lets ${room} import ${target}, which is not below it`),
  )
}

/** The picture: rooms from the top down, each with the rooms that it imports. `base` is left out; everybody imports it. */
export function picture(arrows) {
  const width = Math.max(...Object.keys(rooms).map(room => room.length))
  return Object.keys(rooms)
    .toReversed()
    .map(room => {
      const targets = Object.keys(rooms).filter(target => target !== 'base' && arrows.get(room).has(target))
      return room === 'base'
        ? `${'base'.padEnd(width)}    imported by every room, imports nothing of ours`
        : `${room.padEnd(width)} ${targets.length > 0 ? `──► ${targets.toReversed().join(', ')}` : ''}`.trimEnd()
    })
    .join('\n')
}

function sourceFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.[cm]?ts$/.test(entry.name) && !/\.test\.ts$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
    .map(file => [relative(folder, file).split(sep).join('/'), readFileSync(file, 'utf8')])
}

function main(root) {
  const { problems, arrows } = checkRooms(sourceFiles(join(root, 'src')))
  problems.push(...upwardArrows())
  const drawn = `${marks[0]}\n\n\`\`\`\n${picture(arrows)}\n\`\`\`\n\n${marks[1]}`
  if (process.argv.includes('--print')) console.log(picture(arrows))
  const map = join(root, 'ARCHITECTURE.md')
  const text = existsSync(map) ? readFileSync(map, 'utf8') : ''
  const from = text.indexOf(marks[0])
  const to = text.indexOf(marks[1])
  if (process.argv.includes('--write')) {
    if (from < 0 || to < from)
      problems.push(`ARCHITECTURE.md has no place for the picture: write ${marks.join(' and ')}`)
    else writeFileSync(map, text.slice(0, from) + drawn + text.slice(to + marks[1].length))
  } else if (from >= 0 && text.slice(from, to + marks[1].length) !== drawn)
    problems.push('the rooms in ARCHITECTURE.md are stale: run node scripts/check-rooms.mjs --write')
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exit(1)
  if (!process.argv.includes('--print')) {
    const count = [...arrows.values()].reduce((sum, targets) => sum + targets.size, 0)
    console.log(`rooms: ${arrows.size}, arrows between them: ${count}, all downward`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(fileURLToPath(new URL('..', import.meta.url)))
