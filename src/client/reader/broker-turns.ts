import type { Clock } from '../../base/time/clock.ts'
import { believedThrottleMs } from '../../base/time/throttle.ts'

/**
 * idle      may be asked
 * asked     a request is under way
 * answered  its answer has not been taken yet
 */
type TurnState = 'idle' | 'asked' | 'answered'

interface Turn {
  state: TurnState
  notBefore: number
}

/**
 * Whose turn it is to be asked: a broker has one request under way or one answer that waits to be taken, so that output which
 * nobody reads ends the fetching.
 */
export class BrokerTurns {
  readonly #clock: Clock
  readonly #turns = new Map<number, Turn>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  mayAsk(brokerId: number): boolean {
    const turn = this.#turns.get(brokerId)
    return turn === undefined || (turn.state === 'idle' && turn.notBefore <= this.#clock.now())
  }

  set(brokerId: number, state: TurnState): void {
    const turn = this.#turns.get(brokerId)
    if (turn === undefined) this.#turns.set(brokerId, { state, notBefore: 0 })
    else turn.state = state
  }

  /** Notes that the broker wants to be left in peace (KIP-219). Returns for how long. */
  throttle(brokerId: number, throttleTimeMs: number): number {
    const waitMs = believedThrottleMs(throttleTimeMs)
    const turn = this.#turns.get(brokerId)
    if (turn !== undefined && waitMs > 0) turn.notBefore = this.#clock.now() + waitMs
    return waitMs
  }
}
