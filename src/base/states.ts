import { invariant } from './invariant.ts'

/** The state of something, and the steps that are allowed from each: any other is a mistake of ours. */
export class States<State extends string> {
  readonly #what: string
  readonly #moves: Readonly<Record<State, readonly State[]>>
  #state: State

  /** `what`: whose states they are, for messages. */
  constructor(what: string, moves: Readonly<Record<State, readonly State[]>>, first: State) {
    this.#what = what
    this.#moves = moves
    this.#state = first
  }

  get state(): State {
    return this.#state
  }

  is(...states: readonly State[]): boolean {
    return states.includes(this.#state)
  }

  move(to: State): void {
    invariant(this.#moves[this.#state].includes(to), `${this.#what} may go from ${this.#state} to ${to}`)
    this.#state = to
  }
}
