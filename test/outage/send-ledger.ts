import { setTimeout as pause } from 'node:timers/promises'
import type { KafkaError, Producer, RecordMetadata } from '../../src/index.ts'

/** What became of one send. Times are monotonic. */
interface Send {
  readonly sentAt: number
  settledAt: number
  settlements: number
  error?: KafkaError
  metadata?: RecordMetadata
}

/** A record of the log, whoever read it. */
export interface LoggedRecord {
  readonly partition: number
  readonly offset: number | bigint
  readonly value: Buffer | null
}

/** How many sends ended how. */
export interface LedgerSummary {
  sent: number
  acknowledged: number
  'not-written': number
  unknown: number
  /** The longest time from a call to its result. */
  slowestMs: number
}

/**
 * Sends numbered records and keeps what each was told, to hold it against the log afterwards. Even numbers are sent with a
 * callback, odd ones with a future, so that both ways are under test; a record's number grows with the calls, so within a
 * partition the log must have them in ascending order.
 */
export class SendLedger {
  readonly sends: Send[] = []
  readonly #producer: Producer
  readonly #topic: string
  readonly #padding: string
  #open = 0
  #whenAllSettled: (() => void)[] = []

  constructor(producer: Producer, topic: string, valueBytes = 100) {
    this.#producer = producer
    this.#topic = topic
    this.#padding = '-'.repeat(valueBytes)
  }

  send(count = 1): void {
    for (let sent = 0; sent < count; sent++) this.#sendOne()
  }

  /** Sends records in portions spread over a time; goes without waiting for any of them. */
  async sendOver(durationMs: number, count: number, portion = 500): Promise<void> {
    const startedAt = performance.now()
    for (let sent = 0; sent < count; sent += portion) {
      this.send(Math.min(portion, count - sent))
      const due = startedAt + (durationMs * (sent + portion)) / count
      await pause(Math.max(0, due - performance.now()))
      if (!this.#producer.hasRoom) await this.#producer.room()
    }
  }

  #sendOne(): void {
    const number = this.sends.length
    const send: Send = { sentAt: performance.now(), settledAt: 0, settlements: 0 }
    this.sends.push(send)
    this.#open++
    const record = { topic: this.#topic, key: `key-${number % 997}`, value: `${number}:${this.#padding}` }
    const settled = (error: KafkaError | null, metadata?: RecordMetadata) => {
      send.settlements++
      send.settledAt = performance.now()
      if (error) send.error = error
      if (metadata) send.metadata = metadata
      if (send.settlements === 1 && --this.#open === 0) for (const tell of this.#whenAllSettled.splice(0)) tell()
    }
    if (number % 2 === 0) this.#producer.send(record, settled)
    else
      this.#producer.send(record).then(
        metadata => settled(null, metadata),
        error => settled(error),
      )
  }

  /** Resolves when every send so far has its result. */
  allSettled(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise(resolve => this.#whenAllSettled.push(resolve))
  }

  get summary(): LedgerSummary {
    const summary: LedgerSummary = { sent: 0, acknowledged: 0, 'not-written': 0, unknown: 0, slowestMs: 0 }
    for (const { sentAt, settledAt, error, metadata } of this.sends) {
      summary.sent++
      if (metadata) summary.acknowledged++
      if (error?.outcome) summary[error.outcome]++
      summary.slowestMs = Math.max(summary.slowestMs, Math.round(settledAt - sentAt))
    }
    return summary
  }

  /** The codes of all failures. */
  get codes(): string[] {
    return [...new Set(this.sends.flatMap(({ error }) => (error ? [error.code] : [])))].sort()
  }

  /** Everything that is not as promised, a line for each; at most a few of each kind. */
  violations(log: readonly LoggedRecord[], withinMs: number): string[] {
    const found = new Findings()
    const places = new Map<number, LoggedRecord>()
    const newest = new Map<number, number>()
    for (const record of log) {
      const { partition, offset } = record
      const number = Number(String(record.value).split(':')[0])
      if (this.sends[number] === undefined)
        found.add('foreign', `a record that was never sent at ${partition}:${offset}`)
      if (places.has(number))
        found.add('doubled', `record ${number} is in the log twice, also at ${partition}:${offset}`)
      places.set(number, record)
      const before = newest.get(partition) ?? -1
      if (number < before) found.add('reordered', `record ${number} stands behind ${before} in partition ${partition}`)
      newest.set(partition, Math.max(before, number))
    }
    for (const [number, { sentAt, settledAt, settlements, error, metadata }] of this.sends.entries()) {
      const place = places.get(number)
      if (settlements !== 1) found.add('settled', `record ${number} settled ${settlements} times`)
      else if (settledAt - sentAt > withinMs)
        found.add('late', `record ${number} settled after ${Math.round(settledAt - sentAt)} ms`)
      if (metadata && !place) found.add('lost', `record ${number} was acknowledged and is not in the log`)
      if (metadata?.hasOffset && place && metadata.offset !== BigInt(place.offset))
        found.add('offset', `record ${number} was told offset ${metadata.offset} and stands at ${place.offset}`)
      if (metadata && place && metadata.partition !== place.partition)
        found.add('partition', `record ${number} was told another partition than it stands in`)
      if (error && error.outcome === undefined) found.add('no outcome', `record ${number}: ${error.message}`)
      if (error?.outcome === 'not-written' && place)
        found.add(
          'untrue',
          `record ${number} is said to be not written and stands at ${place.partition}:${place.offset}`,
        )
    }
    return found.lines
  }
}

/** Lines by kind; of a thousand of a kind, three say enough. */
class Findings {
  readonly #byKind = new Map<string, string[]>()

  add(kind: string, line: string): void {
    this.#byKind.set(kind, [...(this.#byKind.get(kind) ?? []), line])
  }

  get lines(): string[] {
    return [...this.#byKind.values()].flatMap(lines =>
      lines.length > 3 ? [...lines.slice(0, 3), `and ${lines.length - 3} more like it`] : lines,
    )
  }
}
