/** How much a line matters, from the least to the most. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What a line says, for programs that read it. Never a record's key, value or headers. */
export type LogFields = Readonly<Record<string, unknown>>

/** A logger with a method for each level: `console`, pino, bunyan, winston, and those made after them. */
export interface LevelLogger {
  debug(...line: never[]): unknown
  info(...line: never[]): unknown
  warn(...line: never[]): unknown
  error(...line: never[]): unknown
}

/** A logger of your own: one method, with everything that there is to say. */
export interface LineLogger {
  log(level: LogLevel, message: string, fields: LogFields): unknown
}

/** Where lines go: see docs/logging.md for what each kind of logger is called with. */
export type Logger = LevelLogger | LineLogger

/** Hands a line over, in the way that suits the logger. It may throw, or give a promise: the logger is the user's. */
export type LineWriter = (level: LogLevel, message: string, fields: LogFields) => unknown

export const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[]

/** The same for what the option takes: nothing at all is `silent`. */
export const logLevelNames = [...logLevels, 'silent'] as const

/** Whether a line of this level is wanted where `least` is asked for. */
export function isWanted(level: LogLevel, least: LogLevel | 'silent'): boolean {
  return logLevelNames.indexOf(level) >= logLevelNames.indexOf(least)
}

/** Whether this is a logger: it has all four methods, or `log`. */
export function isLogger(given: unknown): given is Logger {
  return hasLevels(given) || isFunction(member(given, 'log'))
}

/** Decided once: how this logger is called. */
export function lineWriter(logger: Logger): LineWriter {
  const write = writerOf(logger)
  return (level, message, fields) => write(level, oneLine(message), fields)
}

/** Texts of brokers stand in messages: none of them may end a line, or steer a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const oneLine = (text: string): string => text.replace(/[ \u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')

function writerOf(logger: Logger): LineWriter {
  if (!hasLevels(logger)) return (level, message, fields) => (logger as LineLogger).log(level, message, fields)
  const levels = logger as unknown as Record<LogLevel, (...line: unknown[]) => unknown>
  if (takesFieldsFirst(logger)) return (level, message, fields) => levels[level](fields, message)
  // A terminal is read by people: the message says it all, and an object would be spread over many lines.
  if (isConsole(logger)) return (level, message, { clientId }) => levels[level](`ottla ${clientId}: ${message}`)
  return (level, message, fields) => levels[level](message, fields)
}

/** pino's loggers and their children tell their bindings, bunyan's have them as `fields`; both are children of each other by `child`. */
function takesFieldsFirst(logger: unknown): boolean {
  if (!isFunction(member(logger, 'child'))) return false
  return isFunction(member(logger, 'bindings')) || typeof member(logger, 'fields') === 'object'
}

const isConsole = (logger: unknown) => isFunction(member(logger, 'table')) && isFunction(member(logger, 'timeLog'))

const hasLevels = (given: unknown): given is LevelLogger => logLevels.every(level => isFunction(member(given, level)))

const isFunction = (member: unknown) => typeof member === 'function'

/** Undefined also where it cannot be read. */
function member(given: unknown, name: string): unknown {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return undefined
  try {
    return (given as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}
