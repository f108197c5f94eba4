import { setTimeout as delay } from 'node:timers/promises'
import { runJavaSource } from '../../scripts/kafka/java.mjs'
import { createProducer, fromProperties, type TransactionalProducer } from '../../src/index.ts'

/** One step of a load. MetricsOfProducer.java does the same with Kafka's own producer. */
export type Step =
  /** `records` to the topics in turn, `bytes` each, to the partitions in turn, so many a second; 0: as fast as they go. */
  | { do: 'send'; topics: string[]; partitions: number; records: number; bytes: number; perSecond: number }
  | { do: 'flush' }
  | { do: 'init' }
  | { do: 'begin' }
  | { do: 'commit' }
  | { do: 'abort' }
  | { do: 'offsets'; topic: string; group: string }
  | { do: 'wait'; ms: number }
  /** Takes down all metrics as they are now. */
  | { do: 'metrics'; as: string }

export interface Load {
  /** Of both producers, by Kafka's names. */
  readonly properties: Readonly<Record<string, string | number | boolean>>
  readonly steps: readonly Step[]
}

export interface TakenMetric {
  readonly group: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  /** Text in Kafka's `app-info` only. NaN where nothing was measured. */
  readonly value: number | string
}

export interface Taken {
  /** By the name of the moment. */
  readonly taken: Readonly<Record<string, readonly TakenMetric[]>>
  /** Records that failed, as their callbacks were told. */
  readonly failures: number
}

/** Groups and names that a `MetricsReporter` was told of, beside what `metrics()` gave. */
export type TakenFromJava = Taken & { readonly reported: readonly string[] }

export async function runWithJava(load: Load): Promise<TakenFromJava> {
  const output = await runJavaSource('MetricsOfProducer.java', [JSON.stringify(load)])
  // What Kafka's classes log stands before it.
  const last = output.toString().trim().split('\n').at(-1)!
  return JSON.parse(last, (key, value) => (key === 'value' && value === 'NaN' ? Number.NaN : value))
}

/** The same load with ottla, with the timing of Java's producer. */
export async function runWithOttla(load: Load): Promise<Taken> {
  const options = { ...fromProperties(load.properties), lingerWhenIdle: true }
  const producer = createProducer(options) as TransactionalProducer // its calls are made only where there is a transactional.id
  const taken: Record<string, TakenMetric[]> = {}
  let failures = 0
  const send = async (step: Step & { do: 'send' }) => {
    const beganAt = performance.now()
    for (let index = 0; index < step.records; index++) {
      const dueAt = step.perSecond === 0 ? beganAt : beganAt + (index * 1000) / step.perSecond
      const waitMs = dueAt - performance.now()
      if (waitMs > 1) await delay(waitMs)
      const topic = step.topics[index % step.topics.length]!
      const partition = Math.floor(index / step.topics.length) % step.partitions
      producer.send({ topic, partition, value: textOf(index, step.bytes) }, error => {
        if (error) failures++
      })
    }
  }
  try {
    for (const step of load.steps) {
      if (step.do === 'send') await send(step)
      else if (step.do === 'flush') await producer.flush()
      else if (step.do === 'wait') await delay(step.ms)
      else if (step.do === 'init') await producer.initTransactions()
      else if (step.do === 'begin') producer.beginTransaction()
      else if (step.do === 'offsets') {
        const offsets = [{ topic: step.topic, partition: 0, offset: 1 }]
        await producer.sendOffsetsToTransaction(offsets, { groupId: step.group })
      } else if (step.do === 'commit') await producer.commitTransaction()
      else if (step.do === 'abort') await producer.abortTransaction()
      else {
        const numbers = [...producer.metrics()].filter(metric => metric.type !== 'histogram')
        taken[step.as] = numbers.map(({ group, name, tags, value }) => ({ group, name, tags, value }))
      }
    }
  } finally {
    await producer.close()
  }
  return { taken, failures }
}

function textOf(index: number, bytes: number): string {
  return `this is record ${index} of the load; `.repeat(bytes / 20 + 1).slice(0, bytes)
}
