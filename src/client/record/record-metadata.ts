/** Where a record landed, as the broker acknowledged it. Source: RecordMetadata.java. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** −1n where the broker gave none: acks=0, or a duplicate of a batch that it no longer remembers. */
  readonly offset: bigint
  readonly hasOffset: boolean
  /** The broker's append time where the topic uses LogAppendTime, else the record's own. Milliseconds since 1970. */
  readonly timestamp: number
  /** −1 for a null key. */
  readonly serializedKeySize: number
  /** −1 for a null value. */
  readonly serializedValueSize: number
  /** The offset as a string, since JSON has no bigint. */
  toJSON(): Record<string, unknown>
}
