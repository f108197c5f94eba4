import { invariant } from '../../base/invariant.ts'

/**
 * locating   its offset is being asked for
 * ready      may be in the next request to its leader
 * fetching   a request that is under way has it
 * pausing    waits after an error
 * ended      has arrived where the reading ends
 */
export type ReadState = 'locating' | 'ready' | 'fetching' | 'pausing' | 'ended'

const moves: Readonly<Record<ReadState, readonly ReadState[]>> = {
  locating: ['ready', 'ended', 'pausing'],
  ready: ['fetching', 'locating', 'pausing'],
  fetching: ['ready', 'pausing', 'locating', 'ended'],
  pausing: ['ready', 'locating'],
  ended: [],
}

/** How far one partition has been read. */
export class ReadPartition {
  readonly partition: number
  /** The next offset to fetch. */
  position = 0n
  /** Where the reading ends; undefined: never. */
  readonly end: bigint | undefined
  /** Errors in a row. */
  failures = 0
  /** Counts the times its offset was given up: an answer to a question from before says nothing. */
  generation = 0
  #state: ReadState = 'locating'

  constructor(partition: number, end: bigint | undefined) {
    this.partition = partition
    this.end = end
  }

  get state(): ReadState {
    return this.#state
  }

  move(to: ReadState): void {
    invariant(moves[this.#state].includes(to), `partition ${this.partition} does not go from ${this.#state} to ${to}`)
    this.#state = to
  }

  /** Goes on at `position`, or has arrived. */
  proceed(position: bigint): void {
    this.position = position
    this.move(this.end !== undefined && position >= this.end ? 'ended' : 'ready')
  }
}
