const smallestBytes = 1024

/**
 * Buffers for open batches, by size: 1 KiB, 4 KiB, 16 KiB … up to the size of a full batch. A batch begins small and moves
 * up as it fills, so memory follows content; buffers of settled batches are used again, because fresh ones cost more than
 * everything else a batch does (page faults, collection).
 */
export class BufferPool {
  readonly #classes: number[] = []
  readonly #free: Buffer[][] = []
  readonly #keepBytes: number
  #keptBytes = 0

  /** `largestBytes`: a full batch with its slack. `keepBytes`: the most that lies idle. */
  constructor(largestBytes: number, keepBytes: number) {
    for (let size = smallestBytes; size < largestBytes; size *= 4) this.#classes.push(size)
    this.#classes.push(largestBytes)
    for (const _ of this.#classes) this.#free.push([])
    this.#keepBytes = keepBytes
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** A buffer of at least `bytes`; its content is whatever was there before. */
  take(bytes: number): Buffer {
    for (let index = 0; index < this.#classes.length; index++)
      if (bytes <= this.#classes[index]!) {
        const kept = this.#free[index]!.pop()
        if (kept === undefined) return Buffer.allocUnsafeSlow(this.#classes[index]!)
        this.#keptBytes -= kept.length
        return kept
      }
    return Buffer.allocUnsafeSlow(bytes) // one record larger than a batch
  }

  /** Gives a buffer back. The caller must not touch it again, and no socket may still read it. */
  give(buffer: Buffer): void {
    const index = this.#classes.indexOf(buffer.length)
    if (index < 0 || this.#keptBytes + buffer.length > this.#keepBytes) return
    this.#free[index]!.push(buffer)
    this.#keptBytes += buffer.length
  }
}
