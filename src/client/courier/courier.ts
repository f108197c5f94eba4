import { existsSync } from 'node:fs'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { errorFromData, errorToData } from '../../base/errors/error-data.ts'
import { KafkaError, NetworkError } from '../../base/errors/index.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import {
  type BrokerVersions,
  type Call,
  type CallTarget,
  type ConnectionMeter,
  commonVersion,
  type FinalizedFeatures,
} from '../../wire/network/index.ts'
import { DecodeError, type Message, Reader } from '../../wire/protocol/index.ts'
import type { BrokerAddress, TopicMetadata } from '../cluster/index.ts'
import type { AskedApi, CourierSettings, CourierStart, FromCourier, ToCourier } from './messages.ts'

export interface CourierEvents {
  /** The courier's cluster learnt something. */
  onPicture(brokers: ReadonlyMap<number, BrokerAddress>, topics: readonly TopicMetadata[]): void
  /** A broker that `connectionTo` had no connection for can be asked for again. */
  onBrokerReady(brokerId: number): void
  onError(error: KafkaError): void
  /** Where the requests to a broker are counted. */
  meterOf(brokerId: number): ConnectionMeter
}

/** A body from this size on changes hands instead of being copied. */
const transferFromBytes = 8 * 1024
/** A thread starts in 30 to 150 ms; one that has not by then does not start at all. */
const startTimeoutMs = 15_000
/** A topic in use is named again so often: `metadataMaxIdleMs` is 5 s or more. */
const keepMs = 1_000
/** How long its connections may take to close before its thread is ended all the same. */
const closeTimeoutMs = 1_000

interface Question {
  told(result: unknown): void
  refused(error: KafkaError): void
}

/**
 * This thread's end of the courier: connections that a worker thread holds, so that requests go out and answers come in while
 * this thread is blocked. It sleeps in `wait`; what has come is handled by `deliver`, or by the event loop once it runs again.
 * The thread starts with the first message, is used again for every blocking call, and keeps no process alive by itself.
 */
export class Courier {
  readonly #settings: CourierSettings
  readonly #events: CourierEvents
  readonly #clock: Clock
  #worker: Worker | undefined
  #port: MessagePort | undefined
  readonly #bell = new Int32Array(new SharedArrayBuffer(4))
  /** What the bell stood at when the messages were last looked at. */
  #heard = 0
  #startedAt = 0
  #hasStarted = false
  #isClosed = false
  readonly #links = new Map<number, CourierLink>()
  readonly #linkOf = new Map<number, CourierLink>()
  readonly #calls = new Map<number, { call: Call; link: CourierLink }>()
  readonly #questions = new Map<number, Question>()
  readonly #wantedAt = new Map<string, number>()
  #nextId = 1
  #lastProblem: KafkaError | undefined
  #whenClosed: (() => void) | undefined
  #closeTimer: Timer | undefined
  #portClosed: Promise<unknown> = Promise.resolve()
  #ending: Promise<unknown> = Promise.resolve()

  constructor(settings: CourierSettings, events: CourierEvents, clock: Clock) {
    this.#settings = settings
    this.#events = events
    this.#clock = clock
  }

  /** Whether its thread runs. */
  get isRunning(): boolean {
    return this.#worker !== undefined
  }

  /** The last error of its connections; undefined once it has learnt something of the cluster since. */
  get lastProblem(): KafkaError | undefined {
    return this.#lastProblem
  }

  /** Why it will never be of use; undefined: all is well so far. */
  get failure(): KafkaError | undefined {
    if (this.#worker === undefined || this.#hasStarted || this.#clock.now() - this.#startedAt < startTimeoutMs)
      return undefined
    return new KafkaError(
      'COURIER_FAILED',
      `the thread that works while this one is blocked did not start within ${startTimeoutMs} ms`,
      { outcome: 'unknown' },
    )
  }

  /** Starts the thread unless it runs. Throws where this process may not start one. */
  start(): void {
    if (this.#worker !== undefined || this.#isClosed) return
    const file = workerFile()
    if (!existsSync(file))
      throw new KafkaError(
        'COURIER_FAILED',
        `this thread cannot be blocked: ${file.pathname} is missing. If a bundler made one file of the program, leave the package ottla out of it`,
        { outcome: 'unknown' },
      )
    const { port1, port2 } = new MessageChannel()
    const start: CourierStart & { port: MessagePort } = {
      settings: this.#settings,
      bell: this.#bell.buffer as SharedArrayBuffer,
      port: port2,
    }
    try {
      this.#worker = new Worker(file, {
        workerData: start,
        transferList: [port2],
        name: 'ottla courier',
        // Nothing that this process preloads is of use there, and a loader may need the thread that is blocked.
        execArgv: [],
        env: { ...process.env, NODE_OPTIONS: '' },
      })
    } catch (error) {
      port1.close()
      throw new KafkaError(
        'COURIER_FAILED',
        `no thread can be started here, so this one cannot be blocked: ${String(error)}`,
        { outcome: 'unknown', cause: error },
      )
    }
    const worker = this.#worker
    worker.unref()
    // A thread tells twice that it failed; by the second time another one may be at work.
    const ended = (cause: Error | undefined) => {
      if (this.#worker === worker) this.#ended(cause)
    }
    worker.on('error', ended)
    worker.on('exit', () => ended(undefined))
    this.#port = port1
    this.#portClosed = new Promise(resolve => port1.once('close', resolve))
    this.#startedAt = this.#clock.now()
    this.#hasStarted = false
    port1.on('message', (message: FromCourier) => this.#handle(message))
    port1.unref()
  }

  #post(message: ToCourier, transfer: ArrayBuffer[] = []): void {
    try {
      this.start()
    } catch (error) {
      // It ran before, and cannot be started again. Whoever waits for it has a time-out.
      this.#events.onError(error as KafkaError)
    }
    this.#port?.postMessage(message, transfer)
  }

  // ---- what the blocked thread asks of it

  /** The connection to a broker, if it stands; else it is made, and `onBrokerReady` tells when to ask again. */
  connectionTo(brokerId: number, address: BrokerAddress | undefined): CallTarget | undefined {
    const link = this.#linkOf.get(brokerId)
    if (link === undefined) this.#post({ kind: 'connect', brokerId, address })
    return link
  }

  /** Asks for a topic; `onPicture` tells what is known of it, also where that is nothing new. */
  want(topic: string): void {
    this.#wantedAt.set(topic, this.#clock.now())
    this.#post({ kind: 'want', topic })
  }

  /** A topic that is known here is in use: now and then the courier is told, so that it does not forget it. */
  keep(topic: string): void {
    const last = this.#wantedAt.get(topic)
    if (last === undefined || this.#clock.now() - last > keepMs) this.want(topic)
  }

  refresh(reason: string): void {
    this.#post({ kind: 'refresh', reason })
  }

  /** One question to any live broker. One of the two is called, later. */
  ask(
    api: AskedApi,
    body: object,
    timeoutMs: number,
    told: (result: unknown) => void,
    refused: (error: KafkaError) => void,
  ): void {
    const id = this.#question({ told, refused })
    this.#post({ kind: 'ask', id, api, body, timeoutMs })
  }

  /** Reaches the cluster and connects to its brokers. */
  warmUp(done: () => void, failed: (error: KafkaError) => void): void {
    const id = this.#question({ told: done, refused: failed })
    this.#post({ kind: 'warm-up', id })
  }

  #question(question: Question): number {
    const id = this.#nextId++
    this.#questions.set(id, question)
    this.#holdOpen()
    return id
  }

  /** A request on one of its connections. */
  call(link: CourierLink, call: Call): void {
    if (this.#port === undefined) {
      this.#clock.afterThis(() => {
        call.onFailure(new NetworkError('CONNECTION_CLOSED', `the connection to ${link.remote} is gone`), false)
        call.onReleased()
      })
      return
    }
    const id = this.#nextId++
    this.#calls.set(id, { call, link })
    this.#holdOpen()
    this.#events.meterOf(link.brokerId).sent(call.bodyBytes, this.#clock.now())
    const { apiKey, apiVersion, flexible, expectsAnswer, timeoutMs } = call
    const body = new Uint8Array(call.bodyBytes)
    let at = 0
    for (const piece of call.body) {
      body.set(piece, at)
      at += piece.length
    }
    this.#post(
      { kind: 'call', id, link: link.number, call: { apiKey, apiVersion, flexible, expectsAnswer, timeoutMs, body } },
      body.length < transferFromBytes ? [] : [body.buffer],
    )
    // The bytes are the courier's own now. Without an answer, being released means being written, which is told later.
    if (expectsAnswer) this.#clock.afterThis(() => call.onReleased())
  }

  // ---- waiting

  /** Handles what has come. False: nothing had. */
  deliver(): boolean {
    if (this.#port === undefined) return false
    this.#heard = Atomics.load(this.#bell, 0)
    let any = false
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      any = true
      this.#handle(next.message as FromCourier)
      if (this.#port === undefined) break
    }
    return any
  }

  /** Sleeps until something comes, for so long at most. */
  wait(ms: number): void {
    Atomics.wait(this.#bell, 0, this.#heard, Math.max(0, ms))
  }

  #handle(message: FromCourier): void {
    switch (message.kind) {
      case 'started':
        this.#hasStarted = true
        return
      case 'link': {
        const { link: number, brokerId, remote, versions, finalizedFeatures } = message
        if (!this.#links.has(number)) this.#events.meterOf(brokerId).opened(this.#clock.now())
        const link = new CourierLink(this, number, brokerId, remote, versions, finalizedFeatures)
        this.#links.set(number, link)
        this.#linkOf.set(brokerId, link)
        this.#lastProblem = undefined
        this.#events.onBrokerReady(brokerId)
        return
      }
      case 'link-lost': {
        const link = this.#links.get(message.link)
        if (link === undefined) return
        this.#links.delete(message.link)
        this.#events.meterOf(link.brokerId).closed(this.#clock.now())
        if (this.#linkOf.get(link.brokerId) === link) this.#linkOf.delete(link.brokerId)
        return
      }
      case 'broker-ready':
        this.#events.onBrokerReady(message.brokerId)
        return
      case 'picture':
        this.#lastProblem = undefined
        this.#events.onPicture(message.brokers, message.topics)
        return
      case 'answer':
        this.#answered(message.id, message.body)
        return
      case 'failure':
        this.#failed(message.id, errorFromData(message.error) as NetworkError, message.sent)
        return
      case 'written':
        this.#take(message.id)?.call.onReleased()
        return
      case 'told':
        this.#answer(message.id)?.told(message.result)
        return
      case 'refused':
        this.#answer(message.id)?.refused(errorFromData(message.error) as KafkaError)
        return
      case 'problem':
        this.#lastProblem = errorFromData(message.error) as KafkaError
        this.#events.onError(this.#lastProblem)
        return
      case 'closed':
        this.#end()
        return
    }
  }

  #take(id: number): { call: Call; link: CourierLink } | undefined {
    const own = this.#calls.get(id)
    this.#calls.delete(id)
    this.#letGo()
    return own
  }

  #answer(id: number): Question | undefined {
    const own = this.#questions.get(id)
    this.#questions.delete(id)
    this.#letGo()
    return own
  }

  #answered(id: number, body: Uint8Array): void {
    const own = this.#take(id)
    if (own === undefined) return
    this.#events.meterOf(own.link.brokerId).received(body.length, this.#clock.now())
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    try {
      own.call.onAnswer(new Reader(bytes))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const { link, call } = own
      const bad = new NetworkError(
        'BAD_RESPONSE',
        `${link.remote} sent an answer that cannot be read: ${error.message}`,
        error,
      )
      this.#post({ kind: 'drop', link: link.number, error: errorToData(bad) })
      call.onFailure(bad, true)
    }
  }

  #failed(id: number, error: NetworkError, sent: boolean): void {
    const own = this.#take(id)
    if (own === undefined) return
    own.call.onFailure(error, sent)
    if (!own.call.expectsAnswer) own.call.onReleased()
  }

  // ---- the thread's life

  /** While an answer is due, its coming keeps the process alive, as a socket would. */
  #holdOpen(): void {
    if (this.#calls.size + this.#questions.size === 1) this.#port?.ref()
  }

  #letGo(): void {
    // Whoever closes waits for its end, though nothing is due any more.
    if (this.#calls.size + this.#questions.size === 0 && !this.#isClosed) this.#port?.unref()
  }

  /** The thread is gone, though nobody asked it to go. What it was to carry has failed; the next blocking call starts another. */
  #ended(cause: Error | undefined): void {
    const error = new NetworkError('CONNECTION_CLOSED', 'the thread that held this connection ended', cause)
    this.#forget()
    this.#ending = this.#allGone(Promise.resolve())
    const calls = [...this.#calls.values()]
    const questions = [...this.#questions.values()]
    this.#calls.clear()
    this.#questions.clear()
    for (const { call } of calls) {
      call.onFailure(error, true)
      if (!call.expectsAnswer) call.onReleased()
    }
    for (const question of questions) question.refused(error)
    if (cause !== undefined && !this.#isClosed) this.#events.onError(error)
    const done = this.#whenClosed
    this.#whenClosed = undefined
    done?.()
  }

  #forget(): void {
    this.#closeTimer?.cancel()
    this.#port?.close()
    this.#worker = this.#port = undefined
    this.#hasStarted = false
    for (const { brokerId } of this.#links.values()) this.#events.meterOf(brokerId).closed(this.#clock.now())
    this.#links.clear()
    this.#linkOf.clear()
    this.#wantedAt.clear()
  }

  /** Closes its connections; `done` is called when they are gone. Its thread ends with them: see `ended`. */
  close(done: () => void): void {
    this.#isClosed = true
    if (this.#worker === undefined) {
      done()
      return
    }
    this.#whenClosed = done
    this.#post({ kind: 'close' })
    this.#port?.ref()
    this.#closeTimer = this.#clock.schedule(() => this.#end(), closeTimeoutMs, true)
  }

  /** Its connections are closed, or take too long to. */
  #end(): void {
    const worker = this.#worker
    if (worker === undefined) return
    this.#forget()
    const done = this.#whenClosed
    this.#whenClosed = undefined
    this.#ending = this.#allGone(worker.terminate())
    done?.()
  }

  /** A port that the worker itself has to us closes a turn of the event loop after the thread has ended. */
  async #allGone(threadEnded: Promise<unknown>): Promise<void> {
    await Promise.all([threadEnded, this.#portClosed])
    for (let turn = 0; turn < 2; turn++) await new Promise<void>(resolve => this.#clock.atEndOfTurn(resolve))
  }

  /** Resolves when the thread has ended, once it was closed. A blocked thread cannot wait for it, and need not. */
  get ended(): Promise<unknown> {
    return this.#ending
  }
}

/** A connection that the courier holds. */
class CourierLink implements CallTarget {
  readonly #courier: Courier
  readonly number: number
  readonly brokerId: number
  readonly remote: string
  readonly finalizedFeatures: FinalizedFeatures
  readonly #versions: BrokerVersions['versions']

  constructor(
    courier: Courier,
    number: number,
    brokerId: number,
    remote: string,
    versions: BrokerVersions['versions'],
    finalizedFeatures: FinalizedFeatures,
  ) {
    this.#courier = courier
    this.number = number
    this.brokerId = brokerId
    this.remote = remote
    this.#versions = versions
    this.finalizedFeatures = finalizedFeatures
  }

  versionOf(message: Message): number {
    return commonVersion(message, this.#versions, this.remote)
  }

  send(call: Call): void {
    this.#courier.call(this, call)
  }
}

/** The worker's program lies beside this file; where this is TypeScript, in a test, beside what was built of it. */
function workerFile(): URL {
  const isSource = import.meta.url.endsWith('.ts')
  return new URL(isSource ? '../../../dist/client/courier/courier-worker.js' : './courier-worker.js', import.meta.url)
}
