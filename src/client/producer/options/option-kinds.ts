import { isLogger } from '../../observer/logger.ts'
import { type BootstrapServer, parseBootstrapServers } from './bootstrap-servers.ts'

/** A value that passed, or what is wrong with it in words of its own; without words the allowed values are named. */
export type Checked = { readonly value: unknown } | { readonly because: string | undefined }

/** The type and range of an option: one of these stands in each row of the table. */
export interface OptionKind {
  /** For messages and docs, after "allowed:". */
  readonly allowed: string
  /** Whether a value of an options object will do; gives its resolved form. Never throws. */
  check(given: unknown): Checked
  /** The value that a text from a .properties file stands for; a text that stands for none is given back for `check` to refuse. */
  fromText(text: string): unknown
}

const refused: Checked = { because: undefined }

export const int32Max = 2 ** 31 - 1

/** A whole number. Java's longs end at the largest number that JavaScript holds exactly. */
export function wholeNumber(min: number, max: number, also?: number): OptionKind {
  const allowed = `a whole number from ${min} to ${max}${also === undefined ? '' : `, or ${also}`}`
  return {
    allowed,
    check(given) {
      if (typeof given !== 'number') return refused
      if (given === also) return { value: given }
      // −0 is a slip somewhere in the caller's arithmetic, and would print as 0.
      if (!Number.isSafeInteger(given) || Object.is(given, -0) || given < min || given > max) return refused
      return { value: given }
    },
    fromText(text) {
      if (!/^[+-]?\d{1,19}$/.test(text)) return text
      const exact = BigInt(text.replace(/^\+/, ''))
      // Long.MAX_VALUE is Kafka's usual way to say "for ever".
      if (max === Number.MAX_SAFE_INTEGER && exact > max && exact < 2n ** 63n) return max
      return Number.isSafeInteger(Number(exact)) ? Number(exact) : text
    },
  }
}

export const int32 = (min: number): OptionKind => wholeNumber(min, int32Max)
export const int64 = (min: number): OptionKind => wholeNumber(min, Number.MAX_SAFE_INTEGER)

export const boolean: OptionKind = {
  allowed: 'true or false',
  check: given => (typeof given === 'boolean' ? { value: given } : refused),
  fromText: text => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : text),
}

/** One of some words. `notYet` are Kafka's other words, with the sentence that refuses each. */
export function oneOf(
  words: readonly string[],
  { anyCase = false, notYet = {} }: { anyCase?: boolean; notYet?: Readonly<Record<string, string>> } = {},
): OptionKind {
  const same = (word: string, given: string) => (anyCase ? word.toUpperCase() === given.toUpperCase() : word === given)
  return {
    allowed: listed(words.map(word => `'${word}'`)),
    check(given) {
      if (typeof given !== 'string') return refused
      const word = words.find(candidate => same(candidate, given))
      if (word !== undefined) return { value: word }
      const later = Object.entries(notYet).find(([candidate]) => same(candidate, given))
      return { because: later?.[1] }
    },
    fromText: text => text,
  }
}

/** Exactly one value is possible here, for the reason given; `sensible` tells whether Kafka would take the other. */
export function only(value: number | boolean, sensible: OptionKind, reason: string): OptionKind {
  return {
    allowed: String(value),
    check(given) {
      if (given === value) return { value }
      return { because: 'value' in sensible.check(given) ? reason : undefined }
    },
    fromText: sensible.fromText,
  }
}

/** Text that travels as a protocol string, whose length is an int16. */
export const protocolString: OptionKind = {
  allowed: 'a string of at most 32767 bytes',
  check: given => (typeof given === 'string' && Buffer.byteLength(given) <= 32767 ? { value: given } : refused),
  fromText: text => text,
}

export const nonEmptyString: OptionKind = {
  ...protocolString,
  allowed: 'a string of 1 to 32767 bytes',
  check: given => (given === '' ? refused : protocolString.check(given)),
}

export const acks: OptionKind = {
  allowed: `0, 1, -1 or 'all'`,
  check(given) {
    const value = typeof given === 'string' ? acksByWord.get(given.trim().toLowerCase()) : given
    return value === 0 || value === 1 || value === -1 ? (Object.is(value, -0) ? refused : { value }) : refused
  },
  fromText: text => text,
}
const acksByWord = new Map<string, number>([
  ['0', 0],
  ['1', 1],
  ['-1', -1],
  ['all', -1],
])

export const bootstrapServers: OptionKind = {
  allowed: `'host:port,host:port' or an array of 'host:port'`,
  check(given) {
    if (typeof given !== 'string' && !Array.isArray(given)) return refused
    const { servers, problems } = parseBootstrapServers(given)
    return problems.length === 0
      ? { value: servers satisfies readonly BootstrapServer[] }
      : { because: problems.join('; ') }
  },
  fromText: text => text,
}

/** A word for something built in, or a function, or an object with one of these methods. */
export function wordOrCode(words: readonly string[], methods: readonly string[] = []): OptionKind {
  const objects = methods.length === 0 ? [] : [`an object with ${listed(methods)}`]
  return {
    allowed: listed([...words.map(word => `'${word}'`), 'a function', ...objects]),
    check(given) {
      if (typeof given === 'string') return words.includes(given) ? { value: given } : refused
      if (typeof given === 'function') return { value: given }
      return methods.length > 0 && hasMethods(given, methods) ? { value: given } : refused
    },
    fromText: text => text,
  }
}

export const interceptors: OptionKind = {
  allowed: 'an array of objects with onSend, onAcknowledgement or both',
  check(given) {
    if (!Array.isArray(given)) return refused
    const wrong = given.findIndex(
      entry =>
        !hasMethods(entry, ['onSend', 'onAcknowledgement']) || !['undefined', 'function'].includes(typeof entry.close),
    )
    if (wrong >= 0)
      return { because: `entry ${wrong} has neither onSend nor onAcknowledgement, or one that is no function` }
    return { value: Object.freeze([...given]) }
  },
  fromText: text => text,
}

export const logger: OptionKind = {
  allowed: 'an object with debug, info, warn and error, or with log',
  check: given => (isLogger(given) ? { value: given } : refused),
  fromText: text => text,
}

/** At least one of the methods is there, and none of them is something else. */
function hasMethods(given: unknown, names: readonly string[]): boolean {
  if (typeof given !== 'object' || given === null) return false
  const members = names.map(name => (given as Record<string, unknown>)[name]).filter(member => member !== undefined)
  return members.length > 0 && members.every(member => typeof member === 'function')
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
