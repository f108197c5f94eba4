import { type Random, seededRandom } from '../../src/base/random.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { resolveOptions } from '../../src/client/producer/options.ts'
import { KafkaProducer } from '../../src/client/producer/producer.ts'
import type { KafkaError, Producer, RecordMetadata } from '../../src/index.ts'

/** What one seeded run did, and everything it found wrong. */
export interface FaultRunResult {
  readonly seed: number
  readonly sent: number
  readonly acknowledged: number
  /** Records said to be not written, and those of unknown outcome. */
  readonly notWritten: number
  readonly unknown: number
  readonly faults: readonly string[]
  readonly violations: readonly string[]
  readonly errors: readonly string[]
}

interface Sent {
  readonly id: number
  readonly partition: number
  settled: number
  error?: KafkaError | undefined
  metadata?: RecordMetadata | undefined
}

/** Faults of one kind: what they are called, and how one is set. */
type FaultKind = (broker: Broker, topic: string, partition: number, random: Random) => string

const upTo = (random: Random, limit: number) => Math.floor(random() * limit)
const oneOf = <T>(random: Random, items: readonly T[]): T => items[upTo(random, items.length)]!

const refusals = ['NOT_ENOUGH_REPLICAS', 'CORRUPT_MESSAGE']
const doubtful = ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT', 'KAFKA_STORAGE_ERROR']

/** The answer is lost after the append, and connections die: what idempotence is for. */
export const lostAnswers: readonly FaultKind[] = [
  (broker, topic, partition, random) => {
    const skip = upTo(random, 4)
    broker.faults.loseAnswerAfterAppend('Produce', { topic, partition, skip })
    return `lose(${partition}, skip ${skip})`
  },
  (broker, topic, partition, random) => {
    const delayMs = upTo(random, 4)
    broker.faults.loseAnswerAfterAppend('Produce', { topic, partition, skip: upTo(random, 4), delayMs })
    return `lose(${partition}, after ${delayMs} ms)`
  },
]

/** Everything that a retry must survive. */
export const anyFault: readonly FaultKind[] = [
  ...lostAnswers,
  (broker, topic, partition, random) => {
    const error = oneOf(random, refusals)
    broker.faults.failBefore('Produce', error, { topic, partition, skip: upTo(random, 4), times: 1 + upTo(random, 2) })
    return `refuse(${partition}, ${error})`
  },
  (broker, topic, partition, random) => {
    const error = oneOf(random, doubtful)
    broker.faults.failAfter('Produce', error, { topic, partition, skip: upTo(random, 4) })
    return `doubt(${partition}, ${error})`
  },
  (broker, topic, partition, random) => {
    broker.faults.closeBefore('Produce', { topic, partition, skip: upTo(random, 4), reset: random() < 0.5 })
    return `close(${partition})`
  },
  (broker, topic, partition, random) => {
    const ms = upTo(random, 6)
    broker.faults.delay('Produce', ms, {
      topic,
      partition,
      skip: upTo(random, 3),
      phase: random() < 0.5 ? 'before' : 'after',
    })
    return `delay(${partition}, ${ms} ms)`
  },
  (broker, topic, partition, random) => {
    broker.faults.omitPartition('Produce', { topic, partition, skip: upTo(random, 3) })
    return `omit(${partition})`
  },
  (broker, topic, partition, random) => {
    broker.faults.garbage('Produce', { topic, partition, skip: upTo(random, 3) })
    return `garbage(${partition})`
  },
  (broker, topic, partition, random) => {
    const leader = 1 + upTo(random, 3)
    const move = () => broker.topics.includes(topic) && broker.moveLeader(topic, partition, leader)
    setTimeout(move, upTo(random, 8))
    return `move(${partition} to ${leader})`
  },
]

/** Silence and long pauses: with a short delivery time-out, records are given up while their requests are still out. */
export const silence: readonly FaultKind[] = [
  ...lostAnswers,
  (broker, topic, partition, random) => {
    broker.faults.swallowAnswer('Produce', { topic, partition, skip: upTo(random, 4) })
    return `swallow(${partition})`
  },
  (broker, topic, partition, random) => {
    broker.faults.ignore('Produce', { topic, partition, skip: upTo(random, 4) })
    return `ignore(${partition})`
  },
  (broker, topic, partition, random) => {
    const ms = 30 + upTo(random, 120)
    broker.faults.delay('Produce', ms, { topic, partition, skip: upTo(random, 3) })
    return `late append(${partition}, ${ms} ms)`
  },
  (broker, topic, partition, random) => {
    const error = oneOf(random, [...refusals, ...doubtful])
    broker.faults.failBefore('Produce', error, { topic, partition, skip: upTo(random, 4), times: 30 })
    return `refuse long(${partition}, ${error})`
  },
  (broker, _topic, _partition, random) => {
    const [id, ms] = [1 + upTo(random, 3), 20 + upTo(random, 180)]
    broker.pause(id)
    setTimeout(() => broker.resume(id), ms)
    return `pause(${id}, ${ms} ms)`
  },
]

/** A cluster of three embedded brokers and one producer with short pauses, for many runs one after the other. */
export class FaultLaboratory {
  readonly #broker: Broker
  readonly #producer: Producer

  private constructor(broker: Broker, producer: Producer) {
    this.#broker = broker
    this.#producer = producer
  }

  static async open(options: Record<string, unknown> = {}): Promise<FaultLaboratory> {
    const broker = await startBroker({ port: 0, brokers: 3 })
    const producer = new KafkaProducer(
      resolveOptions({
        bootstrapServers: broker.bootstrapServers,
        batchSize: 200,
        lingerMs: 1,
        retryBackoffMs: 1,
        retryBackoffMaxMs: 4,
        reconnectBackoffMs: 1,
        reconnectBackoffMaxMs: 4,
        requestTimeoutMs: 2_000,
        deliveryTimeoutMs: 20_000,
        ...options,
      }),
    )
    return new FaultLaboratory(broker, producer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close({ timeoutMs: 1_000 })
    await this.#broker.close()
  }

  /** Sends records through seeded faults, waits until all have settled, and compares the log with what was told. */
  async run(seed: number, kinds: readonly FaultKind[]): Promise<FaultRunResult> {
    const random = seededRandom(seed)
    const topic = `run-${seed}`
    const before = this.#counted()
    const partitions = 1 + upTo(random, 2)
    // Sometimes the broker takes no batch of the usual size: batches are split, while all else goes wrong.
    const isNarrow = kinds === anyFault && random() < 0.3
    this.#broker.createTopic(topic, { partitions, ...(isNarrow && { config: { 'max.message.bytes': '140' } }) })
    const faults = Array.from({ length: 1 + upTo(random, 4) }, () =>
      oneOf(random, kinds)(this.#broker, topic, upTo(random, partitions), random),
    )
    const sends: Sent[] = []
    const count = 20 + upTo(random, 60)
    for (let id = 0; id < count; id++) {
      const sent: Sent = { id, partition: upTo(random, partitions), settled: 0 }
      sends.push(sent)
      this.#producer.send(
        { topic, partition: sent.partition, value: `${id}:${'x'.repeat(upTo(random, 40))}` },
        (error, metadata) => {
          sent.settled++
          if (error) sent.error = error
          else sent.metadata = metadata
        },
      )
      // Sometimes the loop turns, so that batches leave half full and several are in flight.
      if (random() < 0.1) await new Promise(resolve => setImmediate(resolve))
      if (random() < 0.02) await new Promise(resolve => setTimeout(resolve, 2))
    }
    await this.#producer.flush({ timeoutMs: 25_000 })
    if (kinds === silence) {
      // What was given up may still be on its way: it must not change what was told. One more record ends every doubt.
      this.#broker.faults.clear()
      await new Promise(resolve => setTimeout(resolve, 160))
    }
    const violations = [...this.#check(topic, partitions, sends), ...this.#checkMetrics(before, topic, sends)]
    if (process.env.OTTLA_TRACE !== undefined && violations.length > 0) this.#trace(topic)
    this.#broker.faults.clear()
    this.#broker.clearRequests()
    this.#broker.deleteTopic(topic)
    const acknowledged = sends.filter(sent => sent.metadata !== undefined).length
    const errors = [...new Set(sends.flatMap(({ error }) => (error === undefined ? [] : [error.message])))]
    const notWritten = sends.filter(sent => sent.error?.outcome === 'not-written').length
    const unknown = sends.filter(sent => sent.error?.outcome === 'unknown').length
    return { seed, sent: count, acknowledged, notWritten, unknown, faults, violations, errors }
  }

  /** What went over the wire, for whoever hunts a seed. */
  #trace(topic: string): void {
    for (const { at, broker, connection, batches, faults } of this.#broker.requests('Produce'))
      for (const { partition, producerId, producerEpoch, baseSequence, recordCount } of batches)
        console.log(
          `${at.toFixed(1)} broker ${broker} connection ${connection} ${topic}-${partition} id ${producerId} epoch ${producerEpoch} sequence ${baseSequence} +${recordCount} ${faults.join(' ')}`,
        )
  }

  /** Records by outcome, and splits, as metrics count them. */
  #counted(): Record<string, number> {
    const counted: Record<string, number> = { acknowledged: 0, 'not-written': 0, unknown: 0 }
    const metrics = this.#producer.metrics()
    for (const { outcome, records } of metrics.outcomes) counted[outcome]! += records
    return { ...counted, splits: metrics['batch-split-total'] }
  }

  /** What metrics say is what the callbacks were told, and nothing is left over. */
  #checkMetrics(before: Record<string, number>, topic: string, sends: readonly Sent[]): string[] {
    const violations: string[] = []
    const expectEqual = (what: string, counted: number, told: number) => {
      if (counted !== told) violations.push(`metrics: ${what}: ${counted}, and not ${told}`)
    }
    const metrics = this.#producer.metrics()
    const own = metrics.topics[topic]
    const after = this.#counted()
    const toldOf = (outcome: string) =>
      sends.filter(({ error, metadata }) => (metadata === undefined ? error?.outcome : 'acknowledged') === outcome)
        .length
    for (const outcome of ['acknowledged', 'not-written', 'unknown'])
      expectEqual(outcome, after[outcome]! - before[outcome]!, toldOf(outcome))
    expectEqual('acknowledged of the topic', own?.['record-acknowledged-total'] ?? 0, toldOf('acknowledged'))
    // A topic that never became known has no metrics.
    if (own !== undefined)
      expectEqual('failed of the topic', own['record-error-total'], sends.length - toldOf('acknowledged'))
    expectEqual('buffer in use', metrics['buffer-total-bytes'] - metrics['buffer-available-bytes'], 0)
    expectEqual('waiting', metrics['waiting-records'] + metrics['waiting-threads'], 0)
    // Each record was sent once, and once more for each time it was put back; the parts of a split batch are no retries.
    const isSplit = metrics['batch-split-total'] > before.splits!
    if (own !== undefined && !isSplit && sends.every(({ metadata }) => metadata !== undefined))
      expectEqual('sent of the topic', own['record-send-total'], sends.length + own['record-retry-total'])
    return violations
  }

  #check(topic: string, partitions: number, sends: readonly Sent[]): string[] {
    const violations: string[] = []
    for (const sent of sends) {
      if (sent.settled !== 1) violations.push(`record ${sent.id} settled ${sent.settled} times`)
    }
    for (let partition = 0; partition < partitions; partition++) {
      const log = this.#broker.records(topic, partition)
      const ids = log.map(record => Number(record.value!.toString().split(':')[0]))
      const seen = new Set<number>()
      for (const id of ids) {
        if (seen.has(id)) violations.push(`record ${id} is in partition ${partition} twice`)
        seen.add(id)
        if (sends[id]!.partition !== partition) violations.push(`record ${id} is in the wrong partition`)
      }
      if (ids.some((id, index) => index > 0 && id < ids[index - 1]!))
        violations.push(`partition ${partition} is out of order: ${ids.join(' ')}`)
      for (const sent of sends) {
        if (sent.partition !== partition) continue
        if (sent.metadata !== undefined && !seen.has(sent.id))
          violations.push(`record ${sent.id} was acknowledged and is lost`)
        if (sent.error?.outcome === 'not-written' && seen.has(sent.id))
          violations.push(`record ${sent.id} is said to be not written, and is in the log`)
        if (sent.metadata?.hasOffset) {
          const at = log.find(record => record.offset === sent.metadata!.offset)
          if (at === undefined || Number(at.value!.toString().split(':')[0]) !== sent.id)
            violations.push(`record ${sent.id} is not at the offset it was told: ${sent.metadata.offset}`)
        }
      }
    }
    return violations
  }
}
