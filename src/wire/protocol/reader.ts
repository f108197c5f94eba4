import { DecodeError } from './decode-error.ts'

/**
 * Reads the protocol's primitives from a frame that may be hostile: every length and count is compared with the bytes
 * that are left before anything is allocated, so memory follows what was received, never what was announced.
 */
export class Reader {
  readonly bytes: Buffer
  offset: number
  readonly end: number
  /** How many elements of arrays may still be read: decoded, they take far more memory than on the wire. */
  elementsLeft = Number.POSITIVE_INFINITY

  constructor(bytes: Buffer, offset = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  /** Moves past `length` bytes and returns where they began. */
  take(length: number, what: string): number {
    if (length < 0 || length > this.end - this.offset)
      throw new DecodeError(`${what} of ${length} bytes at ${this.offset}, but ${this.end - this.offset} are left`)
    const at = this.offset
    this.offset += length
    return at
  }

  /** Says that as many elements of an array are going to be read. */
  begin(elements: number): void {
    if (elements > this.elementsLeft)
      throw new DecodeError(
        `array of ${elements} elements at ${this.offset}, but only ${this.elementsLeft} more are taken`,
      )
    this.elementsLeft -= elements
  }

  int8(): number {
    return this.bytes.readInt8(this.take(1, 'int8'))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2, 'int16'))
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.take(2, 'uint16'))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4, 'int32'))
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4, 'uint32'))
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.take(8, 'int64'))
  }

  float64(): number {
    return this.bytes.readDoubleBE(this.take(8, 'float64'))
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  /** Unsigned LEB128 of at most five bytes. */
  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.take(1, 'varint')]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffffffff) break
        return value
      }
    }
    throw new DecodeError(`varint before ${this.offset} is longer than 32 bits`)
  }

  /** Zigzag-encoded 32-bit integer. */
  varint(): number {
    const raw = this.unsignedVarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Zigzag-encoded 64-bit integer of at most ten bytes. */
  varlong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.take(1, 'varlong')]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        if (value > 0xffffffffffffffffn) break
        return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
      }
    }
    throw new DecodeError(`varlong before ${this.offset} is longer than 64 bits`)
  }

  /** A view on the frame, not a copy. */
  slice(length: number, what = 'bytes'): Buffer {
    const at = this.take(length, what)
    return this.bytes.subarray(at, at + length)
  }

  utf8(length: number): string {
    const at = this.take(length, 'string')
    return this.bytes.toString('utf8', at, at + length)
  }

  uuid(): string {
    const at = this.take(16, 'uuid')
    return this.bytes.toString('base64url', at, at + 16)
  }

  /** The number of elements that follow; −1 is null. Each element takes at least `minimumBytes`. */
  count(flexible: boolean, minimumBytes: number): number {
    const count = flexible ? this.unsignedVarint() - 1 : this.int32()
    if (count < -1) throw new DecodeError(`array of ${count} elements at ${this.offset}`)
    if (count * Math.max(1, minimumBytes) > this.remaining)
      throw new DecodeError(`array of ${count} elements at ${this.offset}, but ${this.remaining} bytes are left`)
    return count
  }
}
