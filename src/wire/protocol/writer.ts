import { invariant } from '../../base/invariant.ts'

/** Writes the protocol's primitives into one buffer that grows as needed. */
export class Writer {
  bytes: Buffer
  offset = 0

  constructor(capacity = 512) {
    this.bytes = Buffer.allocUnsafe(capacity)
  }

  /** What was written, as a view. */
  written(): Buffer {
    return this.bytes.subarray(0, this.offset)
  }

  /** Makes room for `length` bytes and returns where they begin. */
  reserve(length: number): number {
    const at = this.offset
    if (at + length > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, at + length))
      this.bytes.copy(grown, 0, 0, at)
      this.bytes = grown
    }
    this.offset = at + length
    return at
  }

  int8(value: number): void {
    const at = this.reserve(1)
    this.bytes.writeInt8(value, at)
  }

  int16(value: number): void {
    const at = this.reserve(2)
    this.bytes.writeInt16BE(value, at)
  }

  uint16(value: number): void {
    const at = this.reserve(2)
    this.bytes.writeUInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.reserve(4)
    this.bytes.writeInt32BE(value, at)
  }

  uint32(value: number): void {
    const at = this.reserve(4)
    this.bytes.writeUInt32BE(value, at)
  }

  int64(value: bigint): void {
    const at = this.reserve(8)
    this.bytes.writeBigInt64BE(value, at)
  }

  float64(value: number): void {
    const at = this.reserve(8)
    this.bytes.writeDoubleBE(value, at)
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  unsignedVarint(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.int8Unsigned((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.int8Unsigned(rest)
  }

  varint(value: number): void {
    this.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  varlong(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (rest > 0x7fn) {
      this.int8Unsigned(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.int8Unsigned(Number(rest))
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.bytes.set(bytes, at)
  }

  utf8(text: string): void {
    const at = this.reserve(Buffer.byteLength(text))
    this.bytes.write(text, at, 'utf8')
  }

  /** Sixteen bytes given as URL-safe base64, as Kafka prints topic ids. */
  uuid(text: string): void {
    const at = this.reserve(16)
    invariant(text.length === 22 && this.bytes.write(text, at, 16, 'base64url') === 16, `'${text}' is no topic id`)
  }

  private int8Unsigned(value: number): void {
    const at = this.reserve(1)
    this.bytes[at] = value
  }
}
