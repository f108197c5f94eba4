import { NetworkError } from '../../base/errors/index.ts'

/**
 * Cuts a stream of bytes into Kafka's frames: four bytes of length, then as many bytes. A frame that lies whole in one chunk
 * is not copied. Memory follows what has arrived, never what was announced.
 */
export class FrameBuffer {
  readonly #maxBytes: number
  readonly #remote: string
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(maxBytes: number, remote: string) {
    this.#maxBytes = maxBytes
    this.#remote = remote
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** The next whole frame, without its length; undefined while it is not all there. Throws NetworkError for a bad length. */
  next(): Buffer | undefined {
    if (this.#bytes < 4) return undefined
    if (this.#chunks[0]!.length < 4) this.#join()
    const length = this.#chunks[0]!.readInt32BE(0)
    if (length < 4 || length > this.#maxBytes) throw this.#badLength(length)
    if (this.#bytes < length + 4) return undefined
    if (this.#chunks[0]!.length < length + 4) this.#join()
    const first = this.#chunks[0]!
    const frame = first.subarray(4, length + 4)
    this.#bytes -= length + 4
    if (first.length === length + 4) this.#chunks.shift()
    else this.#chunks[0] = first.subarray(length + 4)
    return frame
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks, this.#bytes)]
  }

  #badLength(length: number): NetworkError {
    const start = this.#chunks[0]!.subarray(0, 16)
    const what = whatAnswers(start)
    if (what !== undefined) return new NetworkError('NOT_KAFKA', `${this.#remote} is no Kafka listener: ${what}`)
    return new NetworkError(
      'BAD_RESPONSE',
      `${this.#remote} announces a frame of ${length} bytes; between 4 and ${this.#maxBytes} are taken`,
    )
  }
}

/** Guesses from the first bytes who is at the other end. */
function whatAnswers(start: Buffer): string | undefined {
  const text = start.toString('latin1')
  if (text.startsWith('HTTP/')) return 'a web server answered'
  // A TLS record: alert or handshake, major version 3.
  if ((start[0] === 0x15 || start[0] === 0x16) && start[1] === 3)
    return 'it speaks TLS (a TLS port spoken to in plaintext?)'
  if (text.startsWith('SSH-')) return 'an SSH server answered'
  return undefined
}
