import type { HeaderPair } from './headers.ts'

/** What a serializer is told besides the value. */
export interface SerializerContext {
  readonly topic: string
  /** The record's headers so far; a serializer may push its own. */
  readonly headers: HeaderPair[]
  readonly isKey: boolean
}

export type Serialized = string | Uint8Array | null

/** Turns a key or value into bytes, at once or later. Order is kept either way. */
export type SerializerFunction<T = never> = (value: T, context: SerializerContext) => Serialized | Promise<Serialized>

/** A serializer as an object, for those that hold state. */
export interface Serializer<T = never> {
  serialize: SerializerFunction<T>
}

export type SerializerName = 'string' | 'bytes' | 'json' | 'int32' | 'int64' | 'double' | 'uuid'

/** A built-in one by name, a function, or an object with `serialize`. */
export type SerializerInput<T = never> = SerializerName | SerializerFunction<T> | Serializer<T>

/** A serializer with its type forgotten: whoever calls it knows that the options' types were checked. */
export type AnySerializer = (value: unknown, context: SerializerContext) => unknown

function refuse(expected: string, value: unknown): never {
  throw new TypeError(`expected ${expected}, but got ${value === null ? 'null' : typeof value}`)
}

function fixedWidth(size: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  write(bytes)
  return bytes
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Each as Java's serializer of the same name writes it. A null key or value never reaches them: null stays null. */
const builtIn: Record<SerializerName, AnySerializer> = {
  string: value => (typeof value === 'string' ? value : refuse('a string', value)),
  bytes: value => (value instanceof Uint8Array ? value : refuse('a Uint8Array', value)),
  json: value => JSON.stringify(value) ?? refuse('a value that JSON can hold', value),
  int32: value =>
    typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31
      ? fixedWidth(4, bytes => bytes.writeInt32BE(value))
      : refuse('a 32-bit integer', value),
  int64(value) {
    const wide = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
    if (typeof wide !== 'bigint' || BigInt.asIntN(64, wide) !== wide)
      refuse('a bigint or safe integer of 64 bits', value)
    return fixedWidth(8, bytes => bytes.writeBigInt64BE(wide as bigint))
  },
  double: value =>
    typeof value === 'number' ? fixedWidth(8, bytes => bytes.writeDoubleBE(value)) : refuse('a number', value),
  // Java's UUIDSerializer writes the text, not the sixteen bytes.
  uuid: value => (typeof value === 'string' && uuidPattern.test(value) ? value : refuse('a UUID as text', value)),
}

export const serializerNames = Object.keys(builtIn) as SerializerName[]

/** The function behind whatever form a serializer was given in. */
export function serializerFunction(input: SerializerInput): AnySerializer {
  if (typeof input === 'string') return builtIn[input]
  if (typeof input === 'function') return input as AnySerializer
  return (value, context) => (input.serialize as AnySerializer).call(input, value, context)
}
