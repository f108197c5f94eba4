import { type KafkaError, MetadataTimeoutError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { TopicMetadata } from './topic-metadata.ts'

interface Waiter {
  resolve(topic: TopicMetadata): void
  reject(error: KafkaError): void
}

/** Those who wait until a topic is known. */
export class TopicWaiters {
  readonly #clock: Clock
  readonly #byTopic = new Map<string, Set<Waiter>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(topic: string): boolean {
    return this.#byTopic.has(topic)
  }

  /** Resolves when the topic is known; rejects with what the cluster has against it, or with MetadataTimeoutError. */
  wait(topic: string, timeoutMs: number, lastError: () => KafkaError | undefined): Promise<TopicMetadata> {
    return new Promise((resolve, reject) => {
      const waiters = this.#byTopic.get(topic) ?? new Set<Waiter>()
      this.#byTopic.set(topic, waiters)
      const leave = () => {
        timer.cancel()
        waiters.delete(waiter)
        if (waiters.size === 0 && this.#byTopic.get(topic) === waiters) this.#byTopic.delete(topic)
      }
      const waiter: Waiter = {
        resolve: known => {
          leave()
          resolve(known)
        },
        reject: error => {
          leave()
          reject(error)
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
    })
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
