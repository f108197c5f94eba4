import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Broker, BrokerOptions } from '../../src/broker/index.ts'
import { builtCommand } from '../cli/built-command.ts'

export interface ThreadRecord {
  readonly partition: number
  readonly offset: bigint
  readonly timestamp: number
  readonly sequence: number
  readonly key: string | undefined
  readonly value: string | undefined
}

export interface ThreadRequest {
  readonly api: string
  readonly connection: number
  readonly broker: number
  readonly faults: readonly string[]
  readonly batches: readonly {
    readonly partition: number
    readonly baseSequence: number
    readonly producerEpoch: number
    readonly recordCount: number
  }[]
}

type FaultMethod = Exclude<keyof Broker['faults'], 'clear' | 'add'>

/** A fault in the other thread. */
export interface ThreadFault {
  fired(): Promise<number>
  release(): Promise<void>
}

/** The embedded broker in a thread of its own: a test that blocks its own thread would block a broker in it as well. */
export class BrokerThread {
  readonly #worker: Worker
  readonly bootstrapServers: string
  readonly #waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  #questions = 0

  private constructor(worker: Worker, bootstrapServers: string) {
    this.#worker = worker
    this.bootstrapServers = bootstrapServers
    worker.on('message', ({ question, answer, error }) => {
      const waiting = this.#waiting.get(question)
      this.#waiting.delete(question)
      if (error === undefined) waiting?.resolve(answer)
      else waiting?.reject(new Error(error))
    })
  }

  static async start(options: BrokerOptions = {}): Promise<BrokerThread> {
    const dist = dirname(dirname(await builtCommand()))
    const worker = new Worker(fileURLToPath(new URL('./broker-thread.js', import.meta.url)), {
      workerData: { door: pathToFileURL(`${dist}/broker/index.js`).href, options },
      execArgv: [],
    })
    const { bootstrapServers } = await new Promise<{ bootstrapServers: string }>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    return new BrokerThread(worker, bootstrapServers)
  }

  #ask<T>(ask: string, rest: object = {}): Promise<T> {
    const question = ++this.#questions
    this.#worker.postMessage({ question, ask, ...rest })
    return new Promise<unknown>((resolve, reject) => this.#waiting.set(question, { resolve, reject })) as Promise<T>
  }

  /** A method of the broker whose result can cross threads. */
  call(
    method:
      | 'createTopic'
      | 'deleteTopic'
      | 'recreateTopic'
      | 'moveLeader'
      | 'pause'
      | 'resume'
      | 'stop'
      | 'start'
      | 'closeConnections'
      | 'clearRequests'
      | 'connections'
      | 'requestCount',
    ...args: unknown[]
  ): Promise<unknown> {
    return this.#ask('call', { method, args })
  }

  /** The same after a while, also while this thread is blocked; nothing where the topic is gone by then. */
  later(ms: number, method: 'moveLeader', ...args: unknown[]): Promise<void> {
    return this.#ask('later', { ms, method, args })
  }

  async fault(method: FaultMethod, ...args: unknown[]): Promise<ThreadFault> {
    const id = ++this.#questions
    await this.#ask('fault', { id, method, args })
    return { fired: () => this.#ask('fired', { id }), release: () => this.#ask('release', { id }) }
  }

  clearFaults(): Promise<void> {
    return this.#ask('clearFaults')
  }

  records(topic: string, partition?: number): Promise<ThreadRecord[]> {
    return this.#ask('records', { topic, partition })
  }

  requests(api?: string): Promise<ThreadRequest[]> {
    return this.#ask('requests', { match: api })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
