import { type LogLevel, logLevels } from '../../client/observer/logger.ts'
import type { CompressionType, ProducerOptions } from '../../client/producer/options.ts'
import { unescapeBytes } from '../input/escapes.ts'
import type { LineFormat } from '../input/line-format.ts'
import { wholeNumber } from '../input/numbers.ts'
import { lineFormatOfReaderProperties } from '../input/reader-properties.ts'
import type { ClientFlags } from './client-settings.ts'

/** The flags of `ottla produce`, as commander gives them. */
export interface ProduceFlags extends ClientFlags {
  topic?: string
  partition?: string
  keyDelimiter?: string
  delimiter?: string
  key?: string
  header?: string[]
  emptyIsNull?: boolean
  count?: string
  wholeFile?: boolean
  readerProperty?: string[]
  compressionType?: string
  compressionCodec?: string | true
  acks?: string
  sync?: boolean
  transactionalId?: string
  recordsPerTransaction?: string
  metricsPort?: string
  progress?: boolean
  quiet?: boolean
  logLevel?: string
  json?: boolean
}

/** How the input becomes records. */
export interface InputSettings {
  readonly topic: string
  readonly partition?: number
  readonly delimiter: Uint8Array | null
  readonly cutCarriageReturn: boolean
  readonly format: LineFormat
  /** For records without a key of their own. */
  readonly key?: Buffer
  /** On every record, before those of its line. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
  /** Stops after this many records. */
  readonly limit: number
}

/** What the flags say about the input. What is wrong is added to `problems`, so that all of it is told together. */
export function inputSettings(flags: ProduceFlags, problems: string[]): InputSettings {
  if (!flags.topic) problems.push('no topic: --topic <name> is required')
  if (flags.keyDelimiter === '') problems.push('-K, --key-delimiter is empty')
  if (flags.delimiter === '') problems.push('-D, --delimiter is empty')
  if (flags.wholeFile && flags.delimiter !== undefined) {
    problems.push('--whole-file and -D, --delimiter exclude each other')
  }
  const format = lineFormat(flags, problems)
  const partition = flags.partition === undefined ? undefined : wholeNumber(flags.partition)
  if (flags.partition !== undefined && flags.partition.trim() !== '-1' && partition === undefined) {
    problems.push(`-p, --partition is a number from 0, or -1 for a random one, not "${flags.partition}"`)
  }
  const limit = flags.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber(flags.count)
  if (limit === undefined || limit < 1) problems.push(`-c, --count is a number from 1, not "${flags.count}"`)
  return {
    topic: flags.topic ?? '',
    ...(partition !== undefined && { partition }),
    delimiter: flags.wholeFile ? null : unescapeBytes(flags.delimiter ?? '\\n'),
    cutCarriageReturn: !flags.wholeFile && flags.delimiter === undefined,
    format,
    ...(flags.key !== undefined && { key: Buffer.from(flags.key) }),
    headers: (flags.header ?? []).map(text => fixedHeader(text, problems)),
    limit: limit ?? 1,
  }
}

function lineFormat(flags: ProduceFlags, problems: string[]): LineFormat {
  const format = lineFormatOfReaderProperties(flags.readerProperty ?? [], problems)
  if (flags.keyDelimiter !== undefined && format.key !== undefined) {
    problems.push('-K, --key-delimiter and --reader-property parse.key=true exclude each other')
  }
  return {
    ...format,
    ...(flags.keyDelimiter && { key: { separator: unescapeBytes(flags.keyDelimiter), required: false } }),
    ...(flags.emptyIsNull && { emptyIsNull: true }),
  }
}

/** `name=value`; a name alone has the value null, as in kcat. */
function fixedHeader(text: string, problems: string[]): readonly [string, Buffer | null] {
  const equals = text.indexOf('=')
  if (equals === 0 || text === '') problems.push(`-H, --header is name=value, not "${text}"`)
  return equals === -1 ? [text, null] : [text.slice(0, equals), Buffer.from(text.slice(equals + 1))]
}

/** Producer options that have flags of their own; they win over `-X` and the property file. */
export function ownOptions(flags: ProduceFlags, problems: string[]): Partial<ProducerOptions> {
  const options: Partial<ProducerOptions> = {}
  if (flags.bootstrapServer !== undefined) options.bootstrapServers = flags.bootstrapServer
  const codec = flags.compressionType ?? (flags.compressionCodec === true ? 'gzip' : flags.compressionCodec)
  if (codec !== undefined) {
    if (isCodec(codec)) options.compressionType = codec
    else problems.push(`-z, --compression-type is ${codecs.join(', ')}, not "${codec}"`)
  }
  if (flags.acks !== undefined) {
    if (isAcks(flags.acks)) options.acks = flags.acks
    else problems.push(`--acks is all, 1 or 0, not "${flags.acks}"`)
  }
  if (flags.logLevel !== undefined) {
    if (isLogLevel(flags.logLevel)) options.logLevel = flags.logLevel
    else problems.push(`--log-level is ${logLevels.join(', ')}, not "${flags.logLevel}"`)
  }
  if (flags.partition?.trim() === '-1') options.partitioner = 'random'
  if (flags.transactionalId === '') problems.push('--transactional-id is empty')
  else if (flags.transactionalId !== undefined) options.transactionalId = flags.transactionalId
  return options
}

/** After how many records a transaction is committed; infinite: at the end of the input. */
export function recordsPerTransaction(flags: ProduceFlags, isTransactional: boolean, problems: string[]): number {
  const { recordsPerTransaction: text } = flags
  if (text === undefined) return Number.POSITIVE_INFINITY
  const records = wholeNumber(text)
  if (records === undefined || records < 1) problems.push(`--records-per-transaction is a number from 1, not "${text}"`)
  if (!isTransactional) problems.push('--records-per-transaction needs --transactional-id <id>')
  return records ?? 1
}

/** Where metrics are served during the run; undefined: nowhere. */
export function metricsPort({ metricsPort: text }: ProduceFlags, problems: string[]): number | undefined {
  const port = text === undefined ? undefined : wholeNumber(text)
  if (text !== undefined && (port === undefined || port > 65_535))
    problems.push(`--metrics-port is a number from 0 (any free one) to 65535, not "${text}"`)
  return port
}

const codecs: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const isCodec = (text: string): text is CompressionType => codecs.some(codec => codec === text)
const isLogLevel = (text: string): text is LogLevel => logLevels.some(level => level === text)
const isAcks = (text: string): text is 'all' | '-1' | '0' | '1' => ['all', '-1', '0', '1'].includes(text)
