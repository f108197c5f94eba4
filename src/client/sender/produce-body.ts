import type { Batch } from '../accumulator/batch.ts'

/** A batch up to this size is copied next to its framing: cheaper than one more piece for the socket to gather. */
const copyUpToBytes = 4096

export interface ProduceBody {
  /** The body in pieces; batches are in it without having been copied. */
  readonly pieces: Uint8Array[]
  readonly bytes: number
}

/**
 * The body of a Produce request, by hand: the table in wire/protocol would copy every batch. A test compares the two on
 * random input (franz-go once shipped a hand-written encoder that forgot a byte).
 * Source: ProduceRequest.json.
 */
export function produceBody(
  batches: readonly Batch[],
  version: number,
  transactionalId: string | null,
  acks: number,
  timeoutMs: number,
  topicIdOf: (topic: string) => Uint8Array,
): ProduceBody {
  const topics = new Map<string, Batch[]>()
  for (const batch of batches) {
    const known = topics.get(batch.topic)
    if (known === undefined) topics.set(batch.topic, [batch])
    else known.push(batch)
  }
  const flexible = version >= 9
  const writer = new PieceWriter(batches.length * 24 + topics.size * 300 + 32)
  writer.nullableString(transactionalId, flexible)
  writer.int16(acks)
  writer.int32(timeoutMs)
  writer.count(topics.size, flexible)
  for (const [topic, members] of topics) {
    if (version >= 13) writer.uuid(topicIdOf(topic))
    else writer.name(topic, flexible)
    writer.count(members.length, flexible)
    for (const batch of members) {
      const wire = batch.wire!
      writer.int32(batch.partition)
      writer.count(wire.length, flexible)
      writer.batch(wire)
      if (flexible) writer.byte(0)
    }
    if (flexible) writer.byte(0)
  }
  if (flexible) writer.byte(0)
  return writer.end()
}

/** Writes small things into a buffer of its own, and lets large ones stand between its pieces. */
class PieceWriter {
  #buffer: Buffer
  #from = 0
  #at = 0
  #bytes = 0
  readonly #pieces: Uint8Array[] = []

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  #reserve(bytes: number): number {
    if (this.#at + bytes > this.#buffer.length) {
      this.#cut()
      this.#buffer = Buffer.allocUnsafe(Math.max(bytes, this.#buffer.length, copyUpToBytes))
      this.#from = this.#at = 0
    }
    const at = this.#at
    this.#at += bytes
    return at
  }

  #cut(): void {
    if (this.#at === this.#from) return
    this.#push(this.#buffer.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  #push(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
  }

  byte(value: number): void {
    const at = this.#reserve(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#buffer.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#buffer.writeInt32BE(value, at)
  }

  /** A count or length: int32, or an unsigned varint of one more. */
  count(value: number, flexible: boolean): void {
    if (!flexible) {
      this.int32(value)
      return
    }
    let rest = value + 1
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  nullableString(text: string | null, flexible: boolean): void {
    if (text === null) {
      if (flexible) this.byte(0)
      else this.int16(-1)
      return
    }
    const bytes = Buffer.byteLength(text)
    if (flexible) this.count(bytes, true)
    else this.int16(bytes)
    const at = this.#reserve(bytes)
    this.#buffer.write(text, at, 'utf8')
  }

  name(text: string, flexible: boolean): void {
    if (flexible) this.count(text.length, true)
    else this.int16(text.length) // a legal topic is ASCII
    const at = this.#reserve(text.length)
    this.#buffer.write(text, at, 'latin1')
  }

  uuid(bytes: Uint8Array): void {
    const at = this.#reserve(16)
    this.#buffer.set(bytes, at)
  }

  batch(wire: Buffer): void {
    if (wire.length > copyUpToBytes) {
      this.#cut()
      this.#push(wire)
      return
    }
    const at = this.#reserve(wire.length)
    this.#buffer.set(wire, at)
  }

  end(): ProduceBody {
    this.#cut()
    return { pieces: this.#pieces, bytes: this.#bytes }
  }
}
