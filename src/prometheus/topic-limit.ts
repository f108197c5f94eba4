/** The value of the label `topic` for all topics that have none of their own. No topic of Kafka can have this name. */
export const otherTopics = '(other)'

/**
 * Keeps the topics that one producer is shown with within a limit: the first ones have a label of their own, and the others are
 * counted together from then on. A topic that has been idle for so long that it is no longer told of makes room for another.
 * What is counted together never falls, whoever joins it or is no longer told of: to Prometheus that would be a restart.
 */
export class TopicLimit {
  readonly #limit: number
  readonly #own = new Set<string>()
  readonly #others = new Set<string>()
  /** By metric: what each topic had when it was last seen, and what the others have together. */
  readonly #metrics = new Map<string, { readonly last: Map<string, number>; together: number }>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** These topics are told of now. */
  see(topics: readonly string[]): void {
    const told = new Set(topics)
    for (const topic of this.#own) if (!told.has(topic)) this.#own.delete(topic)
    for (const topic of topics) {
      if (this.#own.has(topic) || this.#others.has(topic)) continue
      if (this.#own.size < this.#limit) this.#own.add(topic)
      else this.#others.add(topic)
    }
  }

  /** Takes note of a counter of a topic, and says whether it is shown by itself. */
  count(metric: string, topic: string, value: number): boolean {
    let counted = this.#metrics.get(metric)
    if (counted === undefined) {
      counted = { last: new Map(), together: 0 }
      this.#metrics.set(metric, counted)
    }
    const last = counted.last.get(topic) ?? 0
    counted.last.set(topic, value)
    if (this.#others.has(topic)) counted.together += value - last
    return this.#own.has(topic)
  }

  /** Of each metric what the topics have together that are not shown by themselves. */
  *others(): Generator<readonly [metric: string, value: number]> {
    if (this.#others.size === 0) return
    for (const [metric, { together }] of this.#metrics) yield [metric, together]
  }
}
