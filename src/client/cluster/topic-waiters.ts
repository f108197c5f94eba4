import { type KafkaError, MetadataTimeoutError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { TopicMetadata } from './topic-metadata.ts'

/** One is called, once. */
export interface TopicWaiter {
  resolve(topic: TopicMetadata): void
  reject(error: KafkaError): void
}

/** Those who wait until a topic is known. */
export class TopicWaiters {
  readonly #clock: Clock
  readonly #byTopic = new Map<string, Set<TopicWaiter>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic)
  }

  /** Resolves when the topic is known; rejects with what the cluster has against it, or with MetadataTimeoutError. */
  wait(topic: string, timeoutMs: number, lastError: () => KafkaError | undefined, told: TopicWaiter): void {
    const waiters = this.#byTopic.get(topic) ?? new Set<TopicWaiter>()
    this.#byTopic.set(topic, waiters)
    const leave = () => {
      timer.cancel()
      waiters.delete(waiter)
      if (waiters.size === 0 && this.#byTopic.get(topic) === waiters) this.#byTopic.delete(topic)
    }
    const waiter: TopicWaiter = {
      resolve: known => {
        leave()
        told.resolve(known)
      },
      reject: error => {
        leave()
        told.reject(error)
      },
    }
    waiters.add(waiter)
    const timer = this.#clock.schedule(() => {
      const cause = lastError()
      const last = cause === undefined ? '' : `; the last error: ${cause.message}`
      waiter.reject(
        new MetadataTimeoutError(`topic ${topic} did not become known within ${timeoutMs} ms${last}`, cause),
      )
    }, timeoutMs)
  }

  /** Tells those who wait for this topic. */
  learn(topic: TopicMetadata, error: KafkaError | undefined): void {
    for (const waiter of [...(this.#byTopic.get(topic.name) ?? [])])
      if (error === undefined && topic.partitions.length > 0) waiter.resolve(topic)
      else if (error !== undefined && !error.retriable) waiter.reject(error)
  }

  rejectAll(error: KafkaError): void {
    for (const waiters of [...this.#byTopic.values()]) for (const waiter of [...waiters]) waiter.reject(error)
  }
}
