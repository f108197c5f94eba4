import { nearestName } from '../../client/producer/options/option-names.ts'
import { unescapeBytes } from './escapes.ts'
import type { LineFormat } from './line-format.ts'

/** kafka-console-producer's `--reader-property` names and their defaults. Source: LineMessageReader.java. */
const defaults = {
  'parse.key': 'false',
  'key.separator': '\\t',
  'parse.headers': 'false',
  'headers.delimiter': '\\t',
  'headers.separator': ',',
  'headers.key.separator': ':',
  'null.marker': '',
  'ignore.error': 'false',
}
type Name = keyof typeof defaults

function isName(name: string): name is Name {
  return Object.hasOwn(defaults, name)
}

/** The line format that a list of `name=value` asks for. What is wrong with them is added to `problems`. */
export function lineFormatOfReaderProperties(pairs: readonly string[], problems: string[]): LineFormat {
  const given = new Map<Name, string>()
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = equals === -1 ? pair : pair.slice(0, equals)
    if (!isName(name)) {
      const meant = nearestName(name, Object.keys(defaults))
      problems.push(`unknown reader property "${name}"${meant ? ` (did you mean "${meant}"?)` : ''}`)
    } else if (equals === -1) {
      problems.push(`reader property ${name} needs a value: --reader-property ${name}=...`)
    } else {
      given.set(name, pair.slice(equals + 1))
    }
  }
  const text = (name: Name) => given.get(name) ?? defaults[name]
  const flag = (name: Name) => {
    const value = text(name).trim().toLowerCase()
    if (value !== 'true' && value !== 'false') problems.push(`reader property ${name} is true or false, not "${value}"`)
    return value === 'true'
  }
  const bytes = (name: Name) => {
    if (text(name) === '') problems.push(`reader property ${name} is empty`)
    return unescapeBytes(text(name))
  }

  const parseKey = flag('parse.key')
  const parseHeaders = flag('parse.headers')
  const ignoreErrors = flag('ignore.error')
  const marker = text('null.marker')
  const inUse: Name[] = [
    ...(parseKey ? (['key.separator'] as const) : []),
    ...(parseHeaders ? (['headers.delimiter', 'headers.separator', 'headers.key.separator'] as const) : []),
    ...(marker === '' ? [] : (['null.marker'] as const)),
  ]
  for (const [index, name] of inUse.entries()) {
    // The headers end before the key begins, so that its separator may stand in them; by default it is their delimiter.
    const clash = inUse.slice(0, index).find(other => {
      return text(other) === text(name) && (other !== 'key.separator' || name === 'null.marker')
    })
    if (clash !== undefined) problems.push(`reader properties ${clash} and ${name} must differ`)
  }

  return {
    ...(parseKey && { key: { separator: bytes('key.separator'), required: true } }),
    ...(parseHeaders && {
      headers: {
        delimiter: bytes('headers.delimiter'),
        separator: separatorPattern(text('headers.separator'), problems),
        keySeparator: bytes('headers.key.separator'),
      },
    }),
    ...(marker !== '' && { nullMarker: Buffer.from(marker) }),
    ...(ignoreErrors && { ignoreErrors }),
  }
}

/** Kafka reads it as a regular expression. One character means itself here: Java's `|` would cut between all letters. */
function separatorPattern(text: string, problems: string[]): RegExp | string {
  const latin1 = Buffer.from(text).toString('latin1')
  if ([...text].length === 1) return latin1
  if (text === '') problems.push('reader property headers.separator is empty')
  try {
    return new RegExp(latin1)
  } catch (error) {
    problems.push(`reader property headers.separator is not a regular expression: ${(error as Error).message}`)
    return latin1
  }
}
