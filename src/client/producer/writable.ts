import { Writable } from 'node:stream'
import { InvalidRecordError, type KafkaError } from '../../base/errors/index.ts'
import type { ProducerRecord } from '../record/record.ts'
import type { Producer } from './types.ts'

/**
 * A stream into a producer. A chunk is a record, or a value for the stream's topic. Writing is acknowledged when the producer
 * has room, ending when every record is in the log; the first record that fails destroys the stream with its error.
 */
export class RecordWritable extends Writable {
  readonly #producer: Producer
  readonly #topic: string | undefined
  #open = 0
  #whenNoneOpen: (() => void) | undefined

  constructor(producer: Producer, topic: string | undefined) {
    super({ objectMode: true, highWaterMark: 16 })
    this.#producer = producer
    this.#topic = topic
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const isValue = typeof chunk === 'string' || chunk instanceof Uint8Array
    if (isValue && this.#topic === undefined) {
      done(new InvalidRecordError('INVALID_TOPIC', 'a stream without a topic takes records only: writable({ topic })'))
      return
    }
    let record: unknown = chunk
    if (isValue) record = { topic: this.#topic, value: chunk }
    else if (this.#topic !== undefined && typeof chunk === 'object' && chunk !== null)
      try {
        record = withTopic(chunk, this.#topic)
      } catch (thrown) {
        done(new InvalidRecordError('INVALID_RECORD', 'a record of the stream cannot be read', thrown))
        return
      }
    this.#open++
    this.#producer.send(record as never, error => this.#settled(error))
    if (this.#producer.hasRoom) done()
    else
      this.#producer.room().then(
        () => done(),
        error => done(error),
      )
  }

  #settled(error: KafkaError | null): void {
    this.#open--
    if (error !== null) this.destroy(error)
    if (this.#open === 0) this.#whenNoneOpen?.()
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#open === 0) done()
    else this.#whenNoneOpen = () => done()
  }
}

/** Field by field: a spread would lose the getters of a class, and with them the value. */
function withTopic(record: Partial<ProducerRecord>, topic: string): ProducerRecord {
  const { topic: own = topic, key, value, partition, headers, timestamp } = record
  return { topic: own, key, value, partition, headers, timestamp }
}
