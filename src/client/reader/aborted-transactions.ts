/** A transaction that was aborted, as a Fetch answer tells it: its records begin at `firstOffset`. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/**
 * Tells the batches of aborted transactions from others, in one stretch of a log that is walked in order. A producer's transaction
 * ends with its marker. Source: KIP-98, CompletedFetch.consumeAbortedTransactionsUpTo.
 */
export class AbortedTransactions {
  /** Those that begin further on. */
  readonly #ahead: AbortedTransaction[]
  /** Producers inside an aborted transaction. */
  readonly #aborting = new Set<bigint>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#ahead = aborted.toSorted((a, b) =>
      a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
    )
  }

  /** Whether the transactional batch of this producer that ends at `lastOffset` belongs to an aborted transaction. */
  holds(producerId: bigint, lastOffset: bigint): boolean {
    this.#advance(lastOffset)
    return this.#aborting.has(producerId)
  }

  /** The abort marker of this producer, at `offset`. */
  end(producerId: bigint, offset: bigint): void {
    this.#advance(offset)
    this.#aborting.delete(producerId)
  }

  #advance(lastOffset: bigint): void {
    while (this.#ahead.length > 0 && this.#ahead[0]!.firstOffset <= lastOffset)
      this.#aborting.add(this.#ahead.shift()!.producerId)
  }
}
