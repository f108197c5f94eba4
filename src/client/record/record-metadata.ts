import { inspect } from 'node:util'

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

/** What a whole batch was acknowledged with; its records' metadata are read from here when somebody asks. */
export interface AcknowledgedBatch {
  readonly topic: string
  readonly partition: number
  /** −1 where the broker gave none. */
  readonly baseOffset: bigint
  /** −1 unless the topic uses LogAppendTime. */
  readonly logAppendTimeMs: number
  timestampAt(index: number): number
  keySizeAt(index: number): number
  valueSizeAt(index: number): number
  /** The record's place in the batch as written; differs from its index where a record before it was taken back. */
  offsetDeltaAt(index: number): number
}

/** Two fields a record; everything else is computed from the batch on demand. */
export class BatchRecordMetadata implements RecordMetadata {
  readonly #batch: AcknowledgedBatch
  readonly #index: number

  constructor(batch: AcknowledgedBatch, index: number) {
    this.#batch = batch
    this.#index = index
  }

  get topic(): string {
    return this.#batch.topic
  }

  get partition(): number {
    return this.#batch.partition
  }

  get offset(): bigint {
    const base = this.#batch.baseOffset
    return base < 0n ? -1n : base + BigInt(this.#batch.offsetDeltaAt(this.#index))
  }

  get hasOffset(): boolean {
    return this.#batch.baseOffset >= 0n
  }

  get timestamp(): number {
    const appended = this.#batch.logAppendTimeMs
    return appended >= 0 ? appended : this.#batch.timestampAt(this.#index)
  }

  get serializedKeySize(): number {
    return this.#batch.keySizeAt(this.#index)
  }

  get serializedValueSize(): number {
    return this.#batch.valueSizeAt(this.#index)
  }

  toJSON(): Record<string, unknown> {
    const { topic, partition, offset, timestamp, serializedKeySize, serializedValueSize } = this
    return { topic, partition, offset: offset.toString(), timestamp, serializedKeySize, serializedValueSize }
  }

  [inspect.custom](): string {
    return `RecordMetadata ${inspect({ ...this.toJSON(), offset: this.offset })}`
  }
}
