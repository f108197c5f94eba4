import type { Writable } from 'node:stream'

/** Standard output that waits while nobody reads it, and notices when whoever read it has gone. */
export class PacedOutput {
  readonly #stream: Writable
  readonly #gone = new AbortController()
  #failure: Error | undefined
  readonly #onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') this.#failure ??= error
    this.#gone.abort()
  }
  readonly #onClose = () => this.#gone.abort()

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', this.#onError)
    stream.on('close', this.#onClose)
  }

  /** Why nothing can be written any more, where it is not that the reader has gone: a full disk. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Fires when nothing can be written any more: `ottla tail … | head` has its ten lines. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Resolves when more may be written, when the stream is gone, or when `signal` fires. */
  async write(bytes: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#gone.signal.aborted || this.#stream.write(bytes)) return
    await this.#drained(signal)
  }

  #drained(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        this.#stream.off('drain', end)
        for (const each of [signal, this.#gone.signal]) each.removeEventListener('abort', end)
        resolve()
      }
      this.#stream.once('drain', end)
      for (const each of [signal, this.#gone.signal]) {
        if (each.aborted) end()
        else each.addEventListener('abort', end, { once: true })
      }
    })
  }

  /** Lets go of the stream; what was written leaves by itself. */
  release(): void {
    this.#stream.off('error', this.#onError)
    this.#stream.off('close', this.#onClose)
  }
}
