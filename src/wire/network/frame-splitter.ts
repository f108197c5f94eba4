import { DecodeError } from '../protocol/index.ts'

/** A length that no answer can have. Carries the first bytes, which may tell what is speaking there. */
export class BadLengthError extends DecodeError {
  readonly firstBytes: Buffer

  constructor(message: string, firstBytes: Buffer) {
    super(message)
    this.firstBytes = firstBytes
  }
}

/** Takes one answer, without its length; the bytes are valid during the call only. False: read no further. */
export type OnFrame = (bytes: Buffer, start: number, end: number) => boolean

const lengthBytes = 4

/**
 * Cuts a stream into frames, however it is split into chunks. A frame that lies whole in a chunk is handed on where it
 * lies; of others a copy grows with the bytes that came, never with the length that was announced.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number
  /** The beginning of a frame whose end is still to come. */
  #partial: Buffer | undefined
  #partialBytes = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Memory held for an unfinished frame. */
  get heldBytes(): number {
    return this.#partial?.length ?? 0
  }

  /** The chunk is the first `length` bytes of `bytes`, and may be overwritten afterwards. */
  push(bytes: Buffer, length: number, onFrame: OnFrame): void {
    let offset = 0
    if (this.#partial !== undefined) {
      offset = this.#complete(bytes, length)
      const frame = this.#takeWhole()
      if (frame === undefined || !onFrame(frame, lengthBytes, frame.length)) return
    }
    while (length - offset >= lengthBytes) {
      const end = offset + lengthBytes + this.#lengthAt(bytes, offset)
      if (end > length) break
      const start = offset + lengthBytes
      offset = end
      if (!onFrame(bytes, start, end)) return
    }
    if (offset < length) this.#keep(bytes, offset, length)
  }

  /** Moves what belongs to the unfinished frame into it, and returns where the next frame begins. */
  #complete(bytes: Buffer, length: number): number {
    let offset = 0
    if (this.#partialBytes < lengthBytes)
      offset = this.#append(bytes, 0, Math.min(length, lengthBytes - this.#partialBytes))
    if (this.#partialBytes < lengthBytes) return offset
    const missing = lengthBytes + this.#lengthAt(this.#partial!, 0) - this.#partialBytes
    return this.#append(bytes, offset, Math.min(length, offset + missing))
  }

  #takeWhole(): Buffer | undefined {
    const partial = this.#partial!
    if (this.#partialBytes < lengthBytes) return undefined
    const frameBytes = lengthBytes + this.#lengthAt(partial, 0)
    if (this.#partialBytes < frameBytes) return undefined
    this.#partial = undefined
    this.#partialBytes = 0
    return partial.subarray(0, frameBytes)
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#partial = Buffer.allocUnsafe(Math.max(64, to - from))
    this.#append(bytes, from, to)
  }

  #append(bytes: Buffer, from: number, to: number): number {
    const needed = this.#partialBytes + to - from
    if (needed > this.#partial!.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#partial!.length * 2))
      this.#partial!.copy(grown, 0, 0, this.#partialBytes)
      this.#partial = grown
    }
    bytes.copy(this.#partial!, this.#partialBytes, from, to)
    this.#partialBytes = needed
    return to
  }

  #lengthAt(bytes: Buffer, offset: number): number {
    const length = bytes.readInt32BE(offset)
    if (length >= 4 && length <= this.#maxFrameBytes) return length
    throw new BadLengthError(
      `an answer of ${length} bytes was announced; 4 to ${this.#maxFrameBytes} are possible`,
      Buffer.from(bytes.subarray(offset, offset + lengthBytes)),
    )
  }
}
