/** Whoever can block the thread until a record's result is there: the producer, for the futures that hang on its batches. */
export interface Blocker {
  /** Returns when the result is there. Throws where the wait ends before, or cannot be. */
  blockOnRecord(source: object, index: number, options: BlockOptions | undefined): void
}

export interface BlockOptions {
  timeoutMs?: number
  signal?: AbortSignal
}
