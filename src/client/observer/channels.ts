import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel'
import type { KafkaError } from '../../base/errors/index.ts'
import type { HeaderPair } from '../record/headers.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'

/** A record as it was taken from the caller: after the interceptors, and before its serializers. Key and value are the caller's own. */
export interface TracedRecord {
  readonly key: unknown
  readonly value: unknown
  /** What will be written; a subscriber of `start` may add to it and take from it, and of nothing else. */
  readonly headers: HeaderPair[]
  /** Milliseconds since 1970; undefined: the time when it is placed in a batch. */
  readonly timestamp: number | undefined
}

/** One call of `send`, or one record of `sendAll` or a stream: the same object from its start to its result, over all retries. */
export interface SendMessage {
  readonly clientId: string
  /** Empty where the record was refused because it could not be read. */
  readonly topic: string
  /** undefined until one is chosen. */
  readonly partition: number | undefined
  readonly record: TracedRecord
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** From the call to the result, measured monotonically; also where the thread was blocked when the result came. */
  readonly durationMs?: number
  /** Where it landed; there exactly where it was acknowledged. */
  readonly metadata?: RecordMetadata
  readonly error?: KafkaError
}

export interface RequestBatch {
  readonly topic: string
  readonly partition: number
  readonly records: number
  /** Attempts of this batch so far, this one included. */
  readonly attempts: number
  /** Those of its records that are traced themselves. */
  readonly sends: readonly SendMessage[]
  /** What the broker answered for this batch, or why its answer never came. It may be sent again. */
  readonly error?: KafkaError
  /** Offset of its first record, where it was acknowledged with one. */
  readonly baseOffset?: bigint
}

/** One Produce request; a batch that is sent again is in a request of its own. */
export interface RequestMessage {
  readonly clientId: string
  readonly brokerId: number
  /** `host:port`, and `(ip)` behind it where the host is a name. */
  readonly remote: string
  /** Of the request's body. */
  readonly bytes: number
  readonly batches: readonly RequestBatch[]
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Until the answer was read, or (`acks: 0`) the request was written. */
  readonly durationMs?: number
  /** There was no answer; one that refuses batches is an answer, and its errors are theirs. */
  readonly error?: KafkaError
}

/** A connection for records stands, or (`error`) could not be made or was lost with something in flight. */
export interface ConnectionMessage {
  readonly clientId: string
  readonly brokerId: number
  readonly remote?: string
  readonly error?: KafkaError
}

/** Metadata could not be had; they are asked for again. */
export interface MetadataMessage {
  readonly clientId: string
  readonly error: KafkaError
}

export interface LeaderMessage {
  readonly clientId: string
  readonly topic: string
  readonly partition: number
  /** −1: nobody was known before. */
  readonly from: number
  /** −1: nobody leads it. */
  readonly to: number
}

/** A batch goes back into its queue. */
export interface RetryMessage {
  readonly clientId: string
  readonly topic: string
  readonly partition: number
  readonly records: number
  /** Attempts so far. */
  readonly attempts: number
  /** 0 where it may go at once. */
  readonly backOffMs: number
  /** undefined: nothing went wrong, but the thread is blocked, and the batch goes by another connection. */
  readonly error: KafkaError | undefined
}

/** A batch has come to its end: acknowledged, failed, or split into parts because the broker finds it too large. */
export interface BatchMessage {
  readonly clientId: string
  readonly topic: string
  readonly partition: number
  readonly records: number
  readonly attempts: number
  /** Before compression. */
  readonly bytes: number
  /** From its earliest `send`. */
  readonly durationMs: number
  readonly result: 'acknowledged' | 'failed' | 'split'
  /** Only where it is `acknowledged`; −1n where the broker gave none. */
  readonly baseOffset?: bigint
  /** Only where it `failed`. */
  readonly error?: KafkaError
  /** Only where it was `split`: records of each part. */
  readonly parts?: readonly number[]
}

/** The broker asks to be left alone for a while. */
export interface ThrottleMessage {
  readonly clientId: string
  readonly brokerId: number
  readonly throttleMs: number
}

/** What records are numbered under from now on. */
export interface IdentityMessage {
  readonly clientId: string
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** A call that begins or ends a transaction, or adds offsets to it, has ended. */
export interface TransactionMessage {
  readonly clientId: string
  /** The name of the method, as `commitTransaction`. */
  readonly call: string
  readonly durationMs: number
  readonly error?: KafkaError
}

/** What the event `error` of the producer tells: an error that belongs to no record. */
export interface ErrorMessage {
  readonly clientId: string
  readonly error: KafkaError
}

/**
 * Channels of `node:diagnostics_channel`, and what is published to them. Stable names. The first two are tracing channels:
 * `tracing:ottla:send:start`, `…:end`, `…:asyncStart`, `…:asyncEnd` and `…:error`.
 */
export interface ChannelMessages {
  'ottla:send': SendMessage
  'ottla:request': RequestMessage
  'ottla:batch': BatchMessage
  'ottla:retry': RetryMessage
  'ottla:throttle': ThrottleMessage
  'ottla:connection': ConnectionMessage
  'ottla:metadata': MetadataMessage
  'ottla:leader': LeaderMessage
  'ottla:identity': IdentityMessage
  'ottla:transaction': TransactionMessage
  'ottla:error': ErrorMessage
}

export type ChannelName = keyof ChannelMessages
export type TracingChannelName = 'ottla:send' | 'ottla:request'

/** A tracing channel, of which it can be asked whether anybody listens to any of its five: types of Node 20 do not know that yet. */
export interface Traced {
  readonly start: Channel
  readonly end: Channel
  readonly asyncStart: Channel
  readonly asyncEnd: Channel
  readonly error: Channel
}

// Held here for good: Node forgets a channel that nobody holds, with whoever subscribed to it.
export const sends: Traced = tracingChannel('ottla:send' satisfies TracingChannelName)
export const requests: Traced = tracingChannel('ottla:request' satisfies TracingChannelName)
export const plainChannels = {
  'ottla:batch': channel('ottla:batch'),
  'ottla:retry': channel('ottla:retry'),
  'ottla:throttle': channel('ottla:throttle'),
  'ottla:connection': channel('ottla:connection'),
  'ottla:metadata': channel('ottla:metadata'),
  'ottla:leader': channel('ottla:leader'),
  'ottla:identity': channel('ottla:identity'),
  'ottla:transaction': channel('ottla:transaction'),
  'ottla:error': channel('ottla:error'),
} satisfies Record<Exclude<ChannelName, TracingChannelName>, Channel>

/** Some nanoseconds where nobody listens. */
export const isListenedTo = ({ start, end, asyncStart, asyncEnd, error }: Traced): boolean =>
  start.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers
