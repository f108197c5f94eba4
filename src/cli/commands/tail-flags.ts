import type { IsolationLevel } from '../../client/admin/index.ts'
import type { StartAt } from '../../client/reader/index.ts'
import { unescapeBytes } from '../input/escapes.ts'
import { wholeNumber } from '../input/numbers.ts'
import { startAt, startForms } from '../input/start-at.ts'
import { type RecordLayout, type ValueFormat, valueFormats } from '../output/record-lines.ts'
import type { ClientFlags } from './client-settings.ts'

/** The flags of `ottla tail`, as commander gives them. */
export interface TailFlags extends ClientFlags {
  topic?: string
  from?: string
  partition?: string[]
  count?: string
  follow?: boolean
  readCommitted?: boolean
  keys?: boolean
  keyDelimiter?: string
  delimiter?: string
  headers?: boolean
  timestamps?: boolean
  offsets?: boolean
  valueFormat?: string
  keyFormat?: string
  json?: boolean
  quiet?: boolean
}

/** What is read, and how it is shown. */
export interface TailSettings {
  readonly topic: string
  readonly partitions: readonly number[] | undefined
  readonly start: StartAt
  readonly isolation: IsolationLevel
  readonly follow: boolean
  /** Ends after so many records. */
  readonly limit: number
  readonly layout: RecordLayout
}

/** What the flags say. What is wrong is added to `problems`, so that all of it is told together. */
export function tailSettings(flags: TailFlags, named: string | undefined, problems: string[]): TailSettings {
  const topic = named ?? flags.topic
  if (!topic) problems.push('no topic: ottla tail <topic>')
  else if (named !== undefined && flags.topic !== undefined && named !== flags.topic)
    problems.push(`two topics are given, "${named}" and "${flags.topic}"; one is read at a time`)
  const start = startAt(flags.from ?? 'end')
  if (start === undefined) problems.push(`--from is ${startForms}, not "${flags.from}"`)
  const partitions = flags.partition?.map(text => {
    const number = wholeNumber(text)
    if (number === undefined) problems.push(`-p, --partition is a number from 0, not "${text}"`)
    return number ?? 0
  })
  const limit = flags.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber(flags.count)
  if (limit === undefined || limit < 1) problems.push(`-n, --count is a number from 1, not "${flags.count}"`)
  return {
    topic: topic ?? '',
    partitions: partitions && [...new Set(partitions)],
    start: start ?? { at: 'end' },
    isolation: flags.readCommitted ? 'read_committed' : 'read_uncommitted',
    follow: flags.follow !== false,
    limit: limit ?? 1,
    layout: layoutOf(flags, problems),
  }
}

const columns = ['keys', 'headers', 'timestamps', 'offsets', 'keyDelimiter', 'delimiter'] as const
const flagNames = { keyDelimiter: 'key-delimiter' } as const

function layoutOf(flags: TailFlags, problems: string[]): RecordLayout {
  const valueFormat = formatOf(flags.valueFormat, '--value-format', problems)
  const keyFormat = formatOf(flags.keyFormat, '--key-format', problems)
  if (flags.json) {
    // They are all in it already; who asks for them expects something else.
    for (const name of columns)
      if (flags[name] !== undefined && flags[name] !== false)
        problems.push(`--json and --${name in flagNames ? flagNames.keyDelimiter : name} exclude each other`)
    return { json: true, valueFormat, keyFormat }
  }
  if (flags.keyDelimiter === '') problems.push('-K, --key-delimiter is empty')
  return {
    json: false,
    valueFormat,
    keyFormat,
    keys: flags.keys === true || flags.keyDelimiter !== undefined,
    headers: flags.headers === true,
    timestamps: flags.timestamps === true,
    offsets: flags.offsets === true,
    keyDelimiter: unescapeBytes(flags.keyDelimiter ?? '\\t'),
    delimiter: unescapeBytes(flags.delimiter ?? '\\n'),
  }
}

function formatOf(given: string | undefined, flag: string, problems: string[]): ValueFormat {
  if (given === undefined) return 'text'
  const known = valueFormats.find(format => format === given)
  if (known === undefined) problems.push(`${flag} is ${valueFormats.join(', ')}, not "${given}"`)
  return known ?? 'text'
}
