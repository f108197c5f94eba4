/** A transaction that has begun in a partition. */
interface Begun {
  readonly firstOffset: bigint
}

/** A transaction that was aborted: what a reader of committed records has to skip. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
  /** Where the marker stands. */
  readonly lastOffset: bigint
}

/**
 * The transactions of one partition: which are under way, and which were aborted.
 * Source: ProducerStateManager (ongoingTxns, unreplicatedTxns), TransactionIndex.
 */
export class OpenTransactions {
  /** By producer id, in the order in which they began. */
  readonly #ongoing = new Map<bigint, Begun>()
  /** Ended, but the marker is not known to be replicated: readers may not pass their beginning yet. */
  #unreplicated: { readonly firstOffset: bigint; readonly lastOffset: bigint }[] = []
  #aborted: AbortedTransaction[] = []

  /** A batch of a transaction stands at `offset`. */
  note(producerId: bigint, offset: bigint): void {
    if (!this.#ongoing.has(producerId)) this.#ongoing.set(producerId, { firstOffset: offset })
  }

  /** The first offset of the producer's transaction, or undefined where none is under way. */
  firstOffset(producerId: bigint): bigint | undefined {
    return this.#ongoing.get(producerId)?.firstOffset
  }

  /** A marker stands at `lastOffset`. One without a transaction changes nothing: its partition was added, but not written to. */
  end(producerId: bigint, lastOffset: bigint, committed: boolean): void {
    const begun = this.#ongoing.get(producerId)
    if (!begun) return
    this.#ongoing.delete(producerId)
    const { firstOffset } = begun
    this.#unreplicated.push({ firstOffset, lastOffset })
    if (!committed) this.#aborted.push({ producerId, firstOffset, lastOffset })
  }

  /** Where readers of committed records have to stop. Source: UnifiedLog.lastStableOffset. */
  lastStableOffset(startOffset: bigint, highWatermark: bigint): bigint {
    if (this.#unreplicated.length > 0)
      this.#unreplicated = this.#unreplicated.filter(({ lastOffset }) => lastOffset >= highWatermark)
    let first = highWatermark
    for (const { firstOffset } of this.#ongoing.values()) if (firstOffset < first) first = firstOffset
    for (const { firstOffset } of this.#unreplicated) if (firstOffset < first) first = firstOffset
    return first < startOffset ? startOffset : first
  }

  /** The aborted transactions that have something in the offsets from `from` up to before `to`. Source: TransactionIndex.collectAbortedTxns. */
  abortedBetween(from: bigint, to: bigint): AbortedTransaction[] {
    return this.#aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to)
  }

  /** Whether a batch of the producer that stands at `offset` belongs to a transaction that was aborted. */
  isAborted(producerId: bigint, offset: bigint): boolean {
    return this.#aborted.some(
      one => one.producerId === producerId && offset >= one.firstOffset && offset < one.lastOffset,
    )
  }

  /** Forgets what lies wholly before the log's start. */
  dropBefore(startOffset: bigint): void {
    if (this.#aborted[0] && this.#aborted[0].lastOffset < startOffset)
      this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= startOffset)
  }

  /** Forgets those whose markers stood at these offsets: compaction has dropped all that they wrote, and the marker too. */
  forgetAborted(markers: ReadonlySet<bigint>): void {
    if (markers.size > 0) this.#aborted = this.#aborted.filter(({ lastOffset }) => !markers.has(lastOffset))
  }

  clear(): void {
    this.#ongoing.clear()
    this.#unreplicated = []
    this.#aborted = []
  }
}
