import { KafkaError } from '../../base/errors/index.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import type { Future, WaitOptions } from './types.ts'

/** Where a record's future finds its result: a batch, or a record that waits for a place in one. */
export interface ResultSource {
  readonly isSettled: boolean
  errorAt(index: number): KafkaError | undefined
  metadataAt(index: number): RecordMetadata
  /** One promise for all that share the source; it never rejects. */
  whenSettled(): Promise<unknown>
  /** Somebody looks at this record's result. */
  watch(index: number): void
}

/** Blocking is the work of a later release. A future that has settled needs no blocking. */
function refuseToBlock(): never {
  throw new KafkaError(
    'BLOCKING_NOT_AVAILABLE',
    'Future.get() cannot block yet in this version of ottla: await the future, or give send a callback',
  )
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
    return this.source.isSettled
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

  get(_options?: WaitOptions): RecordMetadata {
    if (!this.source.isSettled) refuseToBlock()
    this.source.watch(this.index)
    const error = this.source.errorAt(this.index)
    if (error !== undefined) throw error
    return this.source.metadataAt(this.index)
  }
}

/** The future of anything that is not one record: flush, close, connect, sendAll. */
export class PromiseFuture<T> implements Future<T> {
  readonly #promise: Promise<T>
  #result: { value: T } | { error: unknown } | undefined

  constructor(promise: Promise<T>) {
    this.#promise = promise
    // Nobody has to look at it: a rejection is not an unhandled one.
    promise.then(
      value => {
        this.#result = { value }
      },
      error => {
        this.#result = { error }
      },
    )
  }

  get settled(): boolean {
    return this.#result !== undefined
  }

  get [Symbol.toStringTag](): string {
    return 'Future'
  }

  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#promise.then(onFulfilled, onRejected)
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.#promise.catch(onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.#promise.finally(onFinally)
  }

  get(_options?: WaitOptions): T {
    if (this.#result === undefined) refuseToBlock()
    if ('error' in this.#result) throw this.#result.error
    return this.#result.value
  }
}
