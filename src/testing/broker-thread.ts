import { existsSync } from 'node:fs'
import { types } from 'node:util'
import { Worker } from 'node:worker_threads'
import { errorFromData } from '../base/errors/error-data.ts'
import { ConfigError, KafkaError } from '../base/errors/index.ts'
import { systemClock } from '../base/time/clock.ts'
import type { Broker, BrokerOptions, BrokerRequest, Faults, KafkaApiName } from '../broker/index.ts'
import { checkBrokerOptions } from '../broker/options.ts'
import {
  type BrokerAnswer,
  type BrokerMethod,
  type BrokerQuestion,
  type BrokerStarted,
  type BrokerThreadStart,
  brokerMethods,
  type FaultMethod,
  type FaultQuestion,
  faultMethods,
} from './broker-thread-messages.ts'

/** All options of `startBroker` but those that are functions: they cannot go to another thread. */
export type ThreadBrokerOptions = Omit<BrokerOptions, 'clock' | 'random'>

/** The arguments of a fault without the functions that would choose requests. */
type Declarative<T> = T extends string | number | boolean | undefined ? T : Omit<T, 'when'>

type Asynchronous<Method> = Method extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Awaited<Result>>
  : never

type FaultSetter<Method> = Method extends (...args: infer Args) => unknown
  ? (...args: { [Index in keyof Args]: Declarative<Args[Index]> }) => Promise<ThreadFault>
  : never

/** A fault that was set in the broker's thread. */
export interface ThreadFault {
  /** How many requests it was done to. */
  fired(): Promise<number>
  /** To how many more it will be done. */
  remaining(): Promise<number>
  /** Resolves when it was done as often as it should be, or was taken back. */
  done(): Promise<void>
  /** Lets go the requests that a `hold` keeps, and holds no more. */
  release(): Promise<void>
  /** Takes it back. What it holds is let go. */
  remove(): Promise<void>
}

/** `broker.faults` of a broker in another thread: what is set is told by a promise. */
export type ThreadFaults = { readonly [Method in FaultMethod]: FaultSetter<Faults[Method]> } & {
  /** Takes all faults back and lets go what they hold. */
  clear(): Promise<void>
  /** To how many requests the faults set so far will still be done; those without an end are not counted. */
  remaining(): Promise<number>
}

type BrokerCalls = { readonly [Method in BrokerMethod]: Asynchronous<Broker[Method]> }

/** An embedded broker in a thread of its own. Its methods are those of `Broker`, each with a promise. */
export interface BrokerInThread extends BrokerCalls, AsyncDisposable {
  /** `host:port` of every broker, as clients take it. */
  readonly bootstrapServers: string
  readonly clusterId: string
  /** The ports of the brokers, by broker id. */
  readonly ports: ReadonlyMap<number, number>
  /** Makes it fail: before, after or instead of handling a request. */
  readonly faults: ThreadFaults
  topics(): Promise<string[]>
  /** The requests that came, oldest first, at most `requestLogSize` of them. */
  requests(api?: KafkaApiName): Promise<BrokerRequest[]>
  /** The next request of this API. Rejects after `timeoutMs` (default 10,000), and when the broker is closed. */
  waitForRequest(api: KafkaApiName, timeoutMs?: number): Promise<BrokerRequest>
  /**
   * Calls a method in `ms` milliseconds, also while this thread is blocked: `broker.later(50, 'moveLeader', 'orders', 0, 2)`. The
   * promise tells what the call gave.
   */
  later<Method extends BrokerMethod>(
    ms: number,
    method: Method,
    ...args: Parameters<Broker[Method]>
  ): Promise<Awaited<ReturnType<Broker[Method]>>>
  /** Closes the broker, and ends its thread. */
  close(): Promise<void>
}

/** How long a broker may take to close before its thread is ended all the same. */
const closeTimeoutMs = 10_000

/**
 * Starts an embedded broker in a worker thread: for tests and programs that block their own, where a broker in the same thread
 * would stand still as well. Resolves when it takes connections.
 *
 * @throws ConfigError for wrong options, all of them at once; KafkaError `LISTEN_FAILED` where the port is in use, and
 * `BROKER_THREAD_FAILED` where no thread can be started
 */
export async function startBrokerInThread(options: ThreadBrokerOptions = {}): Promise<BrokerInThread> {
  // Told here, with all that is wrong, before there is a thread.
  checkBrokerOptions(options)
  const functions = (['clock', 'random'] as const).filter(name => name in options)
  if (functions.length > 0)
    throw new ConfigError(
      functions.map(option => ({ option, message: `${option}: cannot go to another thread; use startBroker` })),
    )
  const worker = startWorker({ options })
  const started = await new Promise<BrokerStarted>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', error => reject(threadFailed(String(error), error)))
    worker.once('exit', () => reject(threadFailed('it ended before the broker had started')))
  })
  if ('error' in started) {
    await worker.terminate()
    throw errorFromData(started.error)
  }
  return new ThreadBroker(worker, started) as unknown as BrokerInThread
}

const threadFailed = (message: string, cause?: unknown) =>
  new KafkaError('BROKER_THREAD_FAILED', `the thread of an embedded broker failed: ${message}`, { cause })

/** The worker's program lies beside this file; where this is TypeScript, in a test, beside what was built of it. */
function startWorker(workerData: BrokerThreadStart): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const path = isSource ? '../../dist/testing/broker-thread-worker.js' : './broker-thread-worker.js'
  const file = new URL(path, import.meta.url)
  if (!existsSync(file))
    throw threadFailed(
      `${file.pathname} is missing. If a bundler made one file of the program, leave the package ottla out of it`,
    )
  return new Worker(file, {
    workerData,
    name: 'ottla broker',
    // Nothing that this process preloads is of use there, and a loader may need the thread that is blocked.
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** This thread's end: a question is a message, and its answer another. */
class ThreadBroker {
  readonly bootstrapServers: string
  readonly clusterId: string
  readonly ports: ReadonlyMap<number, number>
  readonly faults: ThreadFaults
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #questions = 0
  /** Why there are no more answers. */
  #ended: KafkaError | undefined
  #closing: Promise<void> | undefined

  constructor(worker: Worker, { bootstrapServers, clusterId, ports }: Exclude<BrokerStarted, { error: unknown }>) {
    this.#worker = worker
    this.bootstrapServers = bootstrapServers
    this.clusterId = clusterId
    this.ports = ports
    for (const method of brokerMethods)
      Object.defineProperty(this, method, { value: (...args: unknown[]) => this.#call(method, args, 0) })
    const set =
      (method: FaultMethod) =>
      async (...args: unknown[]) => {
        const fault = this.#questions + 1
        await this.#ask({ ask: 'set-fault', method, args })
        return this.#faultOf(fault)
      }
    this.faults = {
      ...Object.fromEntries(faultMethods.map(method => [method, set(method)])),
      clear: () => this.#ask({ ask: 'clear-faults' }),
      remaining: () => this.#ask({ ask: 'remaining-faults' }),
    } as ThreadFaults
    worker.on('message', (answer: BrokerAnswer) => this.#answered(answer))
    worker.on('error', error => this.#end(threadFailed(String(error), error)))
    worker.on('exit', () => this.#end(threadFailed('it has ended')))
  }

  #answered(answer: BrokerAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer) waiting?.reject(errorFromData(answer.error))
    else waiting?.resolve(withBuffers(answer.result))
  }

  #end(error: KafkaError): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }

  #ask<T>(question: BrokerQuestion): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = ++this.#questions
    try {
      this.#worker.postMessage({ id, question })
    } catch (error) {
      const message = 'functions and other live things cannot go to the thread of the broker; use startBroker for those'
      return Promise.reject(new KafkaError('NOT_CLONEABLE', message, { cause: error }))
    }
    return new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject })) as Promise<T>
  }

  #call(method: BrokerMethod, args: readonly unknown[], afterMs: number): Promise<unknown> {
    return this.#ask({ ask: 'call', method, args, afterMs })
  }

  #faultOf(fault: number): ThreadFault {
    const ask = <T>(what: FaultQuestion) => this.#ask<T>({ ask: 'fault', fault, what })
    return {
      fired: () => ask('fired'),
      remaining: () => ask('remaining'),
      done: () => ask('done'),
      release: () => ask('release'),
      remove: () => ask('remove'),
    }
  }

  later(ms: number, method: BrokerMethod, ...args: unknown[]): Promise<unknown> {
    return this.#call(method, args, Math.max(0, ms))
  }

  topics(): Promise<string[]> {
    return this.#ask({ ask: 'topics' })
  }

  requests(api?: KafkaApiName): Promise<BrokerRequest[]> {
    return this.#ask({ ask: 'requests', api })
  }

  waitForRequest(api: KafkaApiName, timeoutMs?: number): Promise<BrokerRequest> {
    return this.#ask({ ask: 'wait-for-request', api, timeoutMs })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // What it could not end by itself ends with its thread.
    const closed = this.#ask({ ask: 'close' }).catch(() => {})
    const timer = systemClock.schedule(() => void this.#worker.terminate(), closeTimeoutMs)
    await closed
    timer.cancel()
    await this.#worker.terminate()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Between threads a Buffer becomes a plain Uint8Array. (Some test runners have an `Object` and a `Uint8Array` of their own.) */
function withBuffers(value: unknown): unknown {
  if (types.isUint8Array(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  return Object.fromEntries(Object.entries(value as object).map(([name, own]) => [name, withBuffers(own)]))
}
