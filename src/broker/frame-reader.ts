/** What announced itself as a frame cannot be one: another protocol, or a request larger than the broker takes. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

const looseChunks = 256

/**
 * Cuts a stream into frames. Memory follows what has arrived, never what a length announces. A frame that lies within one
 * chunk is a view on it; one that spans several is copied together once.
 */
export class FrameReader {
  readonly #maxFrameBytes: number
  #chunks: Buffer[] = []
  /** Bytes in `#chunks` that no frame has taken yet. */
  #buffered = 0
  /** How many chunks at the end were never joined. */
  #loose = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  get buffered(): number {
    return this.#buffered
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    // A client that sends single bytes must not cost a buffer object for each of them.
    if (++this.#loose === looseChunks) {
      const loose = this.#chunks.splice(-looseChunks)
      this.#chunks.push(Buffer.concat(loose))
      this.#loose = 0
    }
  }

  /** The next whole frame without its length, or null. Throws FrameError for a length that cannot be. */
  next(maxFrameBytes = this.#maxFrameBytes): Buffer | null {
    if (this.#buffered < 4) return null
    const length = this.#peekLength()
    if (length < 0 || length > maxFrameBytes)
      throw new FrameError(`frame of ${length} bytes, but at most ${maxFrameBytes} are taken`)
    if (this.#buffered < 4 + length) return null
    return this.#take(4 + length).subarray(4)
  }

  #peekLength(): number {
    const first = this.#chunks[0]!
    if (first.length >= 4) return first.readInt32BE(0)
    return this.#gather(4).readInt32BE(0)
  }

  /** The first `size` bytes, as a copy; takes nothing. */
  #gather(size: number): Buffer {
    const gathered = Buffer.allocUnsafe(size)
    let filled = 0
    for (const chunk of this.#chunks) {
      filled += chunk.copy(gathered, filled, 0, size - filled)
      if (filled === size) break
    }
    return gathered
  }

  #take(size: number): Buffer {
    const first = this.#chunks[0]!
    this.#buffered -= size
    this.#loose = 0
    if (first.length >= size) {
      if (first.length === size) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(size)
      return first.subarray(0, size)
    }
    const taken = this.#gather(size)
    let rest = size
    let index = 0
    while (rest > 0 && this.#chunks[index]!.length <= rest) rest -= this.#chunks[index++]!.length
    this.#chunks = this.#chunks.slice(index)
    if (rest > 0) this.#chunks[0] = this.#chunks[0]!.subarray(rest)
    return taken
  }

  clear(): void {
    this.#chunks = []
    this.#buffered = 0
  }
}
