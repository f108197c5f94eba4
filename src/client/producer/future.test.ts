import { expect, test } from 'vitest'
import { KafkaError, TimeoutError } from '../../base/errors/index.ts'
import type { Blocker, BlockOptions } from '../accumulator/blocker.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { OperationFuture, type OperationLinks, RecordFuture, type ResultSource } from './future.ts'

const metadata = { topic: 't', offset: 5n } as RecordMetadata
const failure = new KafkaError('DELIVERY_TIMEOUT', 'too late', { outcome: 'unknown' })

/** Node 20 has no Promise.withResolvers. */
function withResolvers() {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

class Source implements ResultSource {
  isSettled = false
  blocked: unknown[] = []
  readonly blocker: Blocker = {
    blockOnRecord: (source: object, index: number, options: BlockOptions | undefined) => {
      this.blocked.push([source, index, options])
      if (options?.timeoutMs === 0) throw new TimeoutError('not yet')
      this.settle()
    },
  }
  watched: number[] = []
  promises = 0
  readonly #error: KafkaError | undefined
  readonly #settled = withResolvers()

  constructor(error?: KafkaError) {
    this.#error = error
  }

  settle(): this {
    this.isSettled = true
    this.#settled.resolve()
    return this
  }

  isSettledAt(): boolean {
    return this.isSettled
  }

  errorAt(): KafkaError | undefined {
    return this.#error
  }

  metadataAt(): RecordMetadata {
    return metadata
  }

  whenSettled(): Promise<unknown> {
    this.promises++
    return this.#settled.promise
  }

  watch(index: number): void {
    this.watched.push(index)
  }
}

test('until somebody looks nothing is made, and nobody has looked', () => {
  const source = new Source(failure)
  const future = new RecordFuture(source, 3)
  expect(future.settled).toBe(false)
  source.settle()
  expect(future.settled).toBe(true)
  expect([source.promises, source.watched]).toEqual([0, []])
})

test('then, await, Promise.all, race and resolve see the metadata', async () => {
  const source = new Source()
  const future = new RecordFuture(source, 3)
  const waits = [
    future.then(({ offset }) => offset),
    Promise.all([future, 1]).then(([own]) => own.offset),
    Promise.race([future, new Promise<never>(() => {})]).then(own => own.offset),
    Promise.resolve(future).then(own => own.offset),
    (async () => (await future).offset)(),
    future.finally(() => {}).then(({ offset }) => offset),
    future.catch(() => metadata).then(({ offset }) => offset),
  ]
  source.settle()
  expect(await Promise.all(waits)).toEqual(Array(7).fill(5n))
  expect(new Set(source.watched)).toEqual(new Set([3]))
})

test('an error rejects then, reaches catch, and passes through finally', async () => {
  const future = new RecordFuture(new Source(failure).settle(), 0)
  await expect(future).rejects.toBe(failure)
  await expect(future.then(() => 'no')).rejects.toBe(failure)
  expect(await future.then(null, error => error.code)).toBe('DELIVERY_TIMEOUT')
  expect(await future.catch(error => error.outcome)).toBe('unknown')
  let ran = 0
  await expect(
    future.finally(() => {
      ran++
    }),
  ).rejects.toBe(failure)
  expect(ran).toBe(1)
  expect((await Promise.allSettled([future]))[0]).toEqual({ status: 'rejected', reason: failure })
})

test('what a handler throws or returns is the next result, as with any promise', async () => {
  const future = new RecordFuture(new Source().settle(), 0)
  const thrown = new Error('mine')
  await expect(
    future.then(() => {
      throw thrown
    }),
  ).rejects.toBe(thrown)
  expect(await future.then(async () => 7)).toBe(7)
  // What is no function is passed over.
  expect(await future.then(null, undefined)).toBe(metadata)
  expect(await future.then(5 as never, {} as never)).toBe(metadata)
})

test('get gives what is there without blocking anybody', () => {
  expect(new RecordFuture(new Source().settle(), 0).get()).toBe(metadata)
  const failed = new Source(failure).settle()
  expect(() => new RecordFuture(failed, 4).get()).toThrow(failure)
  expect([failed.watched, failed.blocked]).toEqual([[4], []])
})

test('get blocks until there is something, and throws what ended the wait before', () => {
  const source = new Source()
  const future = new RecordFuture(source, 2)
  expect(() => future.get({ timeoutMs: 0 })).toThrow(TimeoutError)
  expect(future.settled).toBe(false)
  expect(future.get({ timeoutMs: 5 })).toBe(metadata)
  expect(source.blocked).toEqual([
    [source, 2, { timeoutMs: 0 }],
    [source, 2, { timeoutMs: 5 }],
  ])
  expect(() => new RecordFuture(new Source(failure), 0).get()).toThrow(failure)
})

/** Calls of the user's wait until the thread is not blocked any more. */
function operation<T>(settle: (future: OperationFuture<T>) => void = () => {}) {
  const held: (() => void)[] = []
  let isHeld = false
  const links: OperationLinks = {
    block: isSettled => {
      isHeld = true
      settle(future)
      expect(isSettled()).toBe(true)
    },
    call: call => {
      if (isHeld) held.push(call)
      else call()
    },
  }
  const future = new OperationFuture<T>(links)
  return { future, release: () => held.splice(0).forEach(call => void call()) }
}

test('the future of an operation behaves the same', async () => {
  const { future: good } = operation<number>()
  const { future: bad } = operation<number>()
  expect([good.settled, bad.settled]).toEqual([false, false])
  const early = good.then(value => value + 1)
  good.resolve(7)
  bad.reject(failure)
  good.reject(failure)
  bad.resolve(8)
  expect(await early).toBe(8)
  expect(await good).toBe(7)
  expect(await good.finally(() => {})).toBe(7)
  expect(await bad.catch(error => error)).toBe(failure)
  await expect(bad.finally(() => {})).rejects.toBe(failure)
  expect([good.settled, good.get(), bad.settled, bad.error]).toEqual([true, 7, true, failure])
  expect(() => bad.get()).toThrow(failure)
})

test('what is blocked on has its result at once, and its promise when the thread goes on', async () => {
  const { future, release } = operation<string>(own => own.resolve('done'))
  const seen: string[] = []
  void future.then(value => seen.push(value))
  const order: string[] = []
  future.whenSettled(() => order.push('settled'))
  expect(future.get()).toBe('done')
  future.whenSettled(() => order.push('at once'))
  expect(order).toEqual(['settled', 'at once'])
  await new Promise(setImmediate)
  expect(seen).toEqual([])
  release()
  await new Promise(setImmediate)
  expect(seen).toEqual(['done'])
})

test('a failure that nobody looks at is no unhandled rejection', async () => {
  operation().future.reject(failure)
  await new Promise(setImmediate)
})

test('both say what they are', () => {
  expect(Object.prototype.toString.call(new RecordFuture(new Source(), 0))).toBe('[object Future]')
  expect(Object.prototype.toString.call(operation().future)).toBe('[object Future]')
})
