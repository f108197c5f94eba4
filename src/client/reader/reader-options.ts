import type { BrokerCallsOptions, IsolationLevel } from '../admin/index.ts'

/** Where reading begins in each partition. `last`: so many offsets before the end. */
export type StartAt =
  | { readonly at: 'beginning' }
  | { readonly at: 'end' }
  | { readonly at: 'offset'; readonly offset: bigint }
  | { readonly at: 'last'; readonly count: bigint }
  | { readonly at: 'time'; readonly timestampMs: number }

export interface TopicReaderOptions extends Omit<BrokerCallsOptions, 'onTopic' | 'onBrokerReady' | 'onError'> {
  readonly topic: string
  /** undefined: all, with those that are added meanwhile. */
  readonly partitions: readonly number[] | undefined
  readonly start: StartAt
  /** `read_committed` gives nothing of transactions that were aborted, and stops before one that is open. */
  readonly isolation: IsolationLevel
  /** false: ends where the partitions ended when it began. */
  readonly follow: boolean
  /** Something happened that the reading survives. */
  onNotice(text: string): void
}

/** One record as it stands in the log. */
export interface FetchedRecord {
  readonly partition: number
  readonly offset: bigint
  /** Milliseconds; −1: none. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}
