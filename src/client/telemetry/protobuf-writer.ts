/** Writes a Protocol Buffers message, field by field; what is zero may be left out by the caller. Source: Protocol Buffers, "Encoding". */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(256)
  #length = 0

  /** A whole number from 0 to 2^53 − 1, and the enumerations and truth values that are written as such. */
  varint(field: number, value: number): this {
    this.#tag(field, 0)
    this.#varint(value)
    return this
  }

  fixed64(field: number, value: bigint): this {
    this.#tag(field, 1)
    this.#grow(8)
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length)
    return this
  }

  double(field: number, value: number): this {
    this.#tag(field, 1)
    this.#grow(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
    return this
  }

  text(field: number, value: string): this {
    const length = Buffer.byteLength(value)
    this.#tag(field, 2)
    this.#varint(length)
    this.#grow(length)
    this.#length += this.#bytes.write(value, this.#length)
    return this
  }

  message(field: number, message: ProtobufWriter): this {
    return this.#bytesOf(field, message.written())
  }

  /** Numbers of eight bytes, packed into one field. */
  packed(field: number, values: ProtobufWriter): this {
    return this.#bytesOf(field, values.written())
  }

  /** A number of a packed field, which has no tag of its own. */
  bareFixed64(value: bigint): this {
    this.#grow(8)
    this.#length = this.#bytes.writeBigUInt64LE(value, this.#length)
    return this
  }

  bareDouble(value: number): this {
    this.#grow(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
    return this
  }

  /** A view on what was written so far. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #bytesOf(field: number, bytes: Buffer): this {
    this.#tag(field, 2)
    this.#varint(bytes.length)
    this.#grow(bytes.length)
    this.#length += bytes.copy(this.#bytes, this.#length)
    return this
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType)
  }

  #varint(value: number): void {
    this.#grow(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  #grow(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
