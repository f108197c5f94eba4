import { ClusterError } from './cluster-error.ts'
import type { ClusterStorage } from './storage/cluster-storage.ts'
import { StorageError } from './storage/open-files.ts'

/** Gives out producer ids that nobody has had, also before a start. They are taken in blocks, so that few are written down. */
export class ProducerIds {
  readonly #storage: ClusterStorage | null
  #next = 0n
  #end = 0n

  constructor(storage: ClusterStorage | null) {
    this.#storage = storage
  }

  /** @throws ClusterError `COORDINATOR_LOAD_IN_PROGRESS`, with which clients try again, where none can be written down. Source: RPCProducerIdManager.generateProducerId. */
  next(): bigint {
    try {
      if (this.#next === this.#end) this.#takeBlock()
    } catch (error) {
      if (error instanceof StorageError) throw new ClusterError('COORDINATOR_LOAD_IN_PROGRESS', error.message)
      throw error
    }
    return this.#next++
  }

  /** Gives no id out that was given before: `used` was found in a log. */
  skip(used: bigint): void {
    while (used >= this.#end) this.#takeBlock()
    if (used >= this.#next) this.#next = used + 1n
  }

  /** Another cluster begins. */
  reset(): void {
    this.#next = 0n
    this.#end = 0n
  }

  #takeBlock(): void {
    const block = this.#storage?.takeProducerIds() ?? { first: this.#end, end: this.#end + 1_000n }
    this.#next = block.first
    this.#end = block.end
  }
}
