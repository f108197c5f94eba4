/** A key or value as it can be given without a serializer. Strings are written as UTF-8; null and undefined are Kafka's null. */
export type Bytes = string | Uint8Array | null | undefined

export type HeaderValue = string | Uint8Array | null

/** An object (a value, or an array of values for a repeated name), or pairs, whose order and repeats are kept. */
export type Headers =
  | { readonly [name: string]: HeaderValue | readonly HeaderValue[] }
  | readonly (readonly [name: string, value: HeaderValue])[]

/** What a program gives to `send`. Never changed; its buffers may be used again as soon as the call has returned. */
export interface ProducerRecord<K = Bytes, V = Bytes, T extends string = string> {
  readonly topic: T
  /** null (or nothing) is a tombstone. */
  readonly value?: V | undefined
  readonly key?: K | undefined
  /** Overrides the partitioner. */
  readonly partition?: number | undefined
  readonly headers?: Headers | undefined
  /** Milliseconds since 1970, or a Date. Default: the time of the call. */
  readonly timestamp?: number | Date | undefined
}
