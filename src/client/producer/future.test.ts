import { expect, test } from 'vitest'
import { KafkaError } from '../../base/errors/index.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { PromiseFuture, RecordFuture, type ResultSource } from './future.ts'

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

test('get gives what is there, and says that it cannot block yet where nothing is', () => {
  expect(new RecordFuture(new Source().settle(), 0).get()).toBe(metadata)
  const failed = new Source(failure).settle()
  expect(() => new RecordFuture(failed, 4).get()).toThrow(failure)
  expect(failed.watched).toEqual([4])
  for (const future of [new RecordFuture(new Source(), 0), new PromiseFuture(new Promise(() => {}))])
    expect(() => future.get({ timeoutMs: 5 })).toThrow(expect.objectContaining({ code: 'BLOCKING_NOT_AVAILABLE' }))
})

test('the future of a promise behaves the same', async () => {
  const good = new PromiseFuture(Promise.resolve(7))
  const bad = new PromiseFuture(Promise.reject(failure))
  expect([good.settled, bad.settled]).toEqual([false, false])
  expect(await good).toBe(7)
  expect(await good.then(value => value + 1)).toBe(8)
  expect(await good.finally(() => {})).toBe(7)
  expect(await bad.catch(error => error)).toBe(failure)
  await expect(bad.finally(() => {})).rejects.toBe(failure)
  expect([good.settled, good.get(), bad.settled]).toEqual([true, 7, true])
  expect(() => bad.get()).toThrow(failure)
})

test('both say what they are', () => {
  expect(Object.prototype.toString.call(new RecordFuture(new Source(), 0))).toBe('[object Future]')
  expect(Object.prototype.toString.call(new PromiseFuture(Promise.resolve()))).toBe('[object Future]')
})
