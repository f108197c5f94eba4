import type { KafkaError } from '../../base/errors/index.ts'
import { invariant } from '../../base/invariant.ts'
import type { Blocker } from '../accumulator/blocker.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import type { Future, WaitOptions } from './types.ts'

/** Where a record's future finds its result: a batch, or a record that waits for a place in one. */
export interface ResultSource {
  /** Whoever can block the thread until the result is there. */
  readonly blocker: Blocker | undefined
  isSettledAt(index: number): boolean
  errorAt(index: number): KafkaError | undefined
  metadataAt(index: number): RecordMetadata
  /** One promise for all that share the source; it never rejects. */
  whenSettled(): Promise<unknown>
  /** Somebody looks at this record's result. */
  watch(index: number): void
}

/** The future of one record: two fields until somebody looks. The promise is the batch's, and made when first needed. */
export class RecordFuture implements Future<RecordMetadata> {
  private readonly source: ResultSource
  private readonly index: number

  constructor(source: ResultSource, index: number) {
    this.source = source
    this.index = index
  }

  get settled(): boolean {
    return this.source.isSettledAt(this.index)
  }

  get [Symbol.toStringTag](): string {
    return 'Future'
  }

  then<A = RecordMetadata, B = never>(
    onFulfilled?: ((metadata: RecordMetadata) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: KafkaError) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const { source, index } = this
    source.watch(index)
    return source.whenSettled().then(() => {
      const error = source.errorAt(index)
      if (error === undefined) {
        const metadata = source.metadataAt(index)
        return typeof onFulfilled === 'function' ? onFulfilled(metadata) : (metadata as A)
      }
      if (typeof onRejected === 'function') return onRejected(error)
      throw error
    })
  }

  catch<B = never>(onRejected?: ((reason: KafkaError) => B | PromiseLike<B>) | null): Promise<RecordMetadata | B> {
    return this.then(undefined, onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<RecordMetadata> {
    return this.then().finally(onFinally)
  }

  get(options?: WaitOptions): RecordMetadata {
    const { source, index } = this
    source.watch(index)
    if (!source.isSettledAt(index)) {
      const { blocker } = source
      invariant(blocker !== undefined, 'a record belongs to a producer')
      blocker.blockOnRecord(source, index, options)
    }
    const error = source.errorAt(index)
    if (error !== undefined) throw error
    return source.metadataAt(index)
  }
}

/** What goes wrong in a call rejects its future. */
export function attempt<T>(future: OperationFuture<T>, call: () => void): void {
  try {
    call()
  } catch (error) {
    future.reject(error)
  }
}

/** What an operation's future asks of the producer. */
export interface OperationLinks {
  /** Blocks the thread until `isSettled` says so. */
  block(isSettled: () => boolean, options: WaitOptions | undefined): void
  /** Runs what ends in the user's code: at once, or when the thread is not blocked any more. */
  call(call: () => void): void
}

/** The future of anything that is not one record: flush, close, connect, sendAll. Its promise is made when somebody looks. */
export class OperationFuture<T> implements Future<T> {
  readonly #links: OperationLinks
  #result: { value: T } | { error: unknown } | undefined
  #promise: Promise<T> | undefined
  #settlePromise: (() => void) | undefined
  #onSettled: (() => void)[] = []

  constructor(links: OperationLinks) {
    this.#links = links
  }

  get settled(): boolean {
    return this.#result !== undefined
  }

  get error(): unknown {
    return this.#result !== undefined && 'error' in this.#result ? this.#result.error : undefined
  }

  /** The first result counts. */
  resolve(value: T): void {
    this.#settle({ value })
  }

  reject(error: unknown): void {
    this.#settle({ error })
  }

  #settle(result: { value: T } | { error: unknown }): void {
    if (this.#result !== undefined) return
    this.#result = result
    for (const settled of this.#onSettled) settled()
    this.#onSettled = []
    if (this.#settlePromise !== undefined) this.#links.call(this.#settlePromise)
  }

  /** Called once, when the result is there, and at once where it is there already. */
  whenSettled(settled: () => void): void {
    if (this.#result !== undefined) settled()
    else this.#onSettled.push(settled)
  }

  #asPromise(): Promise<T> {
    this.#promise ??= new Promise<T>((resolve, reject) => {
      const settle = () => {
        const result = this.#result!
        if ('error' in result) reject(result.error)
        else resolve(result.value)
      }
      if (this.#result === undefined) this.#settlePromise = settle
      else settle()
    })
    return this.#promise
  }

  get [Symbol.toStringTag](): string {
    return 'Future'
  }

  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#asPromise().then(onFulfilled, onRejected)
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.#asPromise().catch(onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.#asPromise().finally(onFinally)
  }

  get(options?: WaitOptions): T {
    if (this.#result === undefined) this.#links.block(() => this.#result !== undefined, options)
    const result = this.#result!
    if ('error' in result) throw result.error
    return result.value
  }
}
