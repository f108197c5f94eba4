import type { Random } from '../../../src/base/random.ts'
import {
  type Field,
  type Fields,
  type Message,
  type WireType,
  Writer,
  writeRequestHeader,
} from '../../../src/wire/protocol/index.ts'
import { oneOf, upTo } from './choice.ts'
import { plausibleValue, type Surroundings } from './plausible-values.ts'
import { breakBatch } from './record-attacks.ts'

type Values = Record<string, unknown>

/** A number on the wire: a length, a count or a value. */
interface Mark {
  readonly at: number
  readonly size: number
  readonly kind: 'fixed' | 'varint'
}

/** Notes where numbers stand, so that they can be lied about without losing the rest of the frame. */
class MarkingWriter extends Writer {
  readonly marks: Mark[] = []

  override int16(value: number): void {
    this.#mark(() => super.int16(value), 'fixed')
  }

  override int32(value: number): void {
    this.#mark(() => super.int32(value), 'fixed')
  }

  override int64(value: bigint): void {
    this.#mark(() => super.int64(value), 'fixed')
  }

  override unsignedVarint(value: number): void {
    this.#mark(() => super.unsignedVarint(value), 'varint')
  }

  #mark(write: () => void, kind: Mark['kind']): void {
    const at = this.offset
    write()
    this.marks.push({ at, size: this.offset - at, kind })
  }
}

/** A frame, from its length on, and the numbers in it. */
interface Frame {
  readonly bytes: Buffer
  readonly marks: readonly Mark[]
}

/** What this version of the request can carry, filled with what a client could mean. */
function plausibleBody(fields: Fields, struct: string, version: number, around: Surroundings): Values {
  const { random } = around
  const values: Values = {}
  for (const [name, row] of Object.entries(fields) as [string, Field<unknown>][]) {
    if (version < row.from || version > row.to) continue
    if (row.optional && random() < 0.15) continue
    values[name] = fieldValue(name, row.type, struct, version, around)
  }
  return values
}

function fieldValue(
  name: string,
  type: WireType<unknown>,
  struct: string,
  version: number,
  around: Surroundings,
): unknown {
  const { random } = around
  const element = type.name.replace('[]', '')
  const nullable = type.nullableFrom !== undefined && version >= type.nullableFrom
  if (nullable && random() < (name === 'transactionalId' ? 0.6 : 0.2)) return null
  const one = () =>
    type.fields ? plausibleBody(type.fields, element, version, around) : plausibleValue(name, element, struct, around)
  if (!type.name.startsWith('[]')) return one()
  return Array.from({ length: oneOf(random, [0, 1, 1, 1, 2, 3]) }, one)
}

function encode(message: Message, version: number, body: Values, correlationId: number, clientId: string): Frame {
  const writer = new MarkingWriter()
  const { key: apiKey, flexibleFrom } = message
  Writer.prototype.int32.call(writer, 0)
  writeRequestHeader(writer, { apiKey, apiVersion: version, correlationId, clientId }, version >= flexibleFrom)
  message.write(writer, body as never, version)
  return { bytes: withLength(Buffer.from(writer.written())), marks: writer.marks }
}

function withLength(bytes: Buffer): Buffer {
  if (bytes.length >= 4) bytes.writeInt32BE(bytes.length - 4)
  return bytes
}

const fixedLies = [-(2n ** 63n), -(2n ** 31n), -32_768n, -2n, -1n, 0n, 1n, 2n, 127n, 255n, 32_767n, 65_535n, 1_000_000n]
  .concat([2n ** 24n, 2n ** 31n - 1n, 2n ** 32n - 1n, 2n ** 63n - 1n])
  .map(value => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt.asIntN(64, value))
    return bytes
  })
/** Also such as are longer than a varint may be, and such as do not end. */
const varintLies = ['00', '01', '02', '7f', 'ff7f', 'ffff03', 'ffffff7f', 'ffffffff07', 'ffffffff0f', 'ffffffff7f']
  .concat(['8080808080', 'ffffffffffffffffff01', '808080808000', '8100'])
  .map(hex => Buffer.from(hex, 'hex'))
const wrongText = ['c080', 'eda080', 'fffe', '00', 'f4908080', 'e2'].map(hex => Buffer.from(hex, 'hex'))

type Mutation = (frame: Frame, random: Random) => Buffer

const splice = (bytes: Buffer, at: number, removed: number, put: Buffer): Buffer =>
  withLength(Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]))

/** Changes whose result is a frame of the length it says. */
const inside: readonly Mutation[] = [
  function lieAboutNumber({ bytes, marks }, random) {
    const { at, size, kind } = oneOf(random, marks)
    if (kind === 'varint') return splice(bytes, at, size, oneOf(random, varintLies))
    return splice(bytes, at, size, oneOf(random, fixedLies).subarray(8 - size))
  },
  function flipBits({ bytes }, random) {
    for (let flips = 1 + upTo(random, 4); flips > 0; flips--)
      bytes[4 + upTo(random, bytes.length - 4)]! ^= 1 << upTo(random, 8)
    return bytes
  },
  function putBytes({ bytes }, random) {
    for (let flips = 1 + upTo(random, 4); flips > 0; flips--)
      bytes[4 + upTo(random, bytes.length - 4)] = oneOf(random, [0, 1, 0x7f, 0x80, 0xff, upTo(random, 256)])
    return bytes
  },
  ({ bytes }, random) => withLength(Buffer.from(bytes.subarray(0, 4 + upTo(random, bytes.length - 4)))),
  ({ bytes }, random) => splice(bytes, bytes.length, 0, garbage(random, 1 + upTo(random, 40))),
  ({ bytes }, random) =>
    splice(bytes, 12 + upTo(random, bytes.length - 12), upTo(random, 8), garbage(random, 1 + upTo(random, 8))),
  ({ bytes }, random) => {
    const at = 12 + upTo(random, bytes.length - 12)
    const repeated = bytes.subarray(at, at + 1 + upTo(random, 30))
    return splice(bytes, at, 0, Buffer.concat(Array.from({ length: 1 + upTo(random, 200) }, () => repeated)))
  },
  function wrongUtf8({ bytes }, random) {
    const put = oneOf(random, wrongText)
    const at = 12 + upTo(random, bytes.length - 12)
    return splice(bytes, at, put.length, put)
  },
  function anotherVersion({ bytes }, random) {
    bytes.writeInt16BE(oneOf(random, [upTo(random, 20), -1, 99, 32_767]), 6)
    return bytes
  },
  function anotherApi({ bytes }, random) {
    bytes.writeInt16BE(oneOf(random, [upTo(random, 95), -1, 999, 32_767]), 4)
    return bytes
  },
  function tagsThatLie({ bytes }, random) {
    const tag = () =>
      Buffer.concat([oneOf(random, varintLies), oneOf(random, varintLies), garbage(random, upTo(random, 9))])
    const tags = Buffer.concat([oneOf(random, varintLies), ...Array.from({ length: upTo(random, 4) }, tag)])
    return splice(bytes, bytes.length - 1, 1, tags)
  },
  (_, random) => withLength(garbage(random, 4 + upTo(random, 120))),
]

/** Lies about where the frame ends: what follows on its connection is not where it seems. */
const aboutTheEnd: readonly Mutation[] = [
  function anotherLength({ bytes }, random) {
    const off = oneOf(random, [-1, 1, -4, 4, 100, 10_000, -upTo(random, bytes.length)])
    bytes.writeInt32BE(bytes.length - 4 + off)
    return bytes
  },
  function impossibleLength({ bytes }, random) {
    bytes.writeInt32BE(oneOf(random, [-1, -(2 ** 31), 2 ** 31 - 1, 104_857_601, 0]))
    return bytes
  },
  function cutOff({ bytes }, random) {
    return bytes.subarray(0, 1 + upTo(random, bytes.length))
  },
]

const garbage = (random: Random, size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, () => upTo(random, 256)))

const counts = [2, 2, 10, 10, 10, 100, 100, 1_000]

/** Changes that only make sense before encoding: a batch of records that is broken inside, or one list that repeats what is in it. */
function changeValues(values: Values, random: Random): void {
  const repeats = random() < 0.4
  const lists: (() => void)[] = []
  const collect = (inner: Values) => {
    for (const [name, value] of Object.entries(inner)) {
      if (Buffer.isBuffer(value) && name === 'records')
        inner[name] = breakBatch(value, random, repeats ? 'small' : 'any')
      if (!Array.isArray(value) || value.length === 0) continue
      lists.push(() => {
        inner[name] = Array.from({ length: oneOf(random, counts) }, () => oneOf(random, value))
      })
      for (const one of value) if (typeof one === 'object' && one !== null) collect(one as Values)
    }
  }
  collect(values)
  if (repeats && lists.length > 0) oneOf(random, lists)()
}

/** A request as a client could send it, if `mutated` is false; else one with something wrong. */
export function hostileRequest(
  message: Message,
  version: number,
  mutated: boolean,
  correlationId: number,
  around: Surroundings,
): Buffer {
  const { random } = around
  const body = plausibleBody(message.fields, message.name, version, around)
  const inValues = mutated && random() < 0.25
  if (inValues) changeValues(body, random)
  const frame = encode(message, version, body, correlationId, oneOf(random, ['c', 'hostile', '']))
  if (!mutated || inValues) return frame.bytes
  if (random() < 0.04) return oneOf(random, aboutTheEnd)(frame, random)
  return oneOf(random, inside)(frame, random)
}
