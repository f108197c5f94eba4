import { BrokerError, brokerErrorCode, KafkaError, UnsupportedVersionError } from '../../base/errors/index.ts'
import type { Random } from '../../base/random.ts'
import { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import { believedThrottleMs } from '../../base/time/throttle.ts'
import type { CallTarget } from '../../wire/network/index.ts'
import type { Api, apis, Body, Draft, Message, Reader } from '../../wire/protocol/index.ts'
import type { BrokerAddress } from '../cluster/index.ts'
import { transactionVerdict } from './transaction-verdict.ts'

/** Of what a broker is the coordinator. */
export interface CoordinatorKey {
  readonly type: 'group' | 'transaction'
  readonly key: string
}

/** What is to happen with a request that was answered. `soon` and `again` differ in how soon. */
export type Reaction = 'done' | 'again' | 'soon' | 'elsewhere'

/** A request to a coordinator, repeated until it is done. It is made anew for each attempt. */
export interface ControlRequest {
  readonly name: string
  readonly coordinator: CoordinatorKey
  /** Throws what makes it impossible, which `failed` is then told. */
  prepare(target: CallTarget): PreparedRequest
  /** An attempt had no answer; `sent`: it may arrive at the broker all the same, at any later time. */
  lost(sent: boolean): void
  /** It will never be answered. */
  failed(error: KafkaError): void
}

export interface PreparedRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly flexible: boolean
  readonly body: Uint8Array
  answered(reader: Reader): { reaction: Reaction; throttleTimeMs: number }
}

/** A body in the version that both sides speak, up to `maxVersion`. */
export function prepareRequest<Q extends Message, A extends Message>(
  api: Api<Q, A>,
  target: CallTarget,
  maxVersion: number,
  draft: (version: number) => Draft<Q>,
  answered: (answer: Body<A>, version: number) => Reaction,
): PreparedRequest {
  const version = Math.min(target.versionOf(api.request), maxVersion)
  return {
    apiKey: api.request.key,
    apiVersion: version,
    flexible: version >= api.request.flexibleFrom,
    body: api.request.encode(draft(version) as never, version),
    answered: reader => {
      const answer = api.response.read(reader, version) as Body<A> & { throttleTimeMs: number }
      return { reaction: answered(answer, version), throttleTimeMs: answer.throttleTimeMs }
    },
  }
}

type FindCoordinatorAnswer = Body<typeof apis.findCoordinator.response>

export interface ControlLinks {
  /** The open connection to a broker, by the way requests go now; undefined starts one, and `brokerReady` is called later. */
  connectionTo(brokerId: number): CallTarget | undefined
  introduce(brokerId: number, address: BrokerAddress): void
  /** Asks any live broker; one of the two is called, later. */
  findCoordinator(
    question: Draft<typeof apis.findCoordinator.request>,
    answered: (answer: FindCoordinatorAnswer) => void,
    failed: (error: unknown) => void,
  ): void
}

export interface ControlOptions {
  readonly requestTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly random: Random
  readonly clock: Clock
}

interface Entry {
  readonly request: ControlRequest
  notBefore: number
  /** Attempts in a row that led to nothing. */
  failures: number
}

/** The previous transaction's markers are written in a few milliseconds; Java asks again after 20. */
const soonMs = 5
const soonMaxMs = 500

/**
 * The requests of a transaction, to its coordinator and those of groups: one at a time, strictly in order, by the same
 * connections as records. It owns the look-up of coordinators, the pauses between attempts, and the hand-over where
 * the thread is about to be blocked. What an answer means is the request's own affair; it is asked until it says `done`.
 */
export class ControlQueue {
  readonly #links: ControlLinks
  readonly #options: ControlOptions
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #soon: Backoff
  readonly #coordinators = new Map<string, number>()
  #entries: Entry[] = []
  /** What is out now: an attempt, or a look-up. A new object each; an answer to an older one says nothing any more. */
  #out: { readonly entry: Entry; readonly isLookup: boolean } | undefined
  /** The coordinator whose connection is waited for. */
  #awaited: number | undefined
  #timer: Timer | undefined
  #throttledUntil = 0
  #pumpScheduled = false
  #closed = false
  /** The last thing that went wrong; undefined: all is well. For messages. */
  lastError: KafkaError | undefined

  constructor(links: ControlLinks, options: ControlOptions) {
    this.#links = links
    this.#options = options
    this.#clock = options.clock
    this.#backoff = new Backoff(options.retryBackoffMs, options.retryBackoffMaxMs, options.random)
    this.#soon = new Backoff(soonMs, soonMaxMs, options.random)
  }

  /** Asked when the code that runs now has ended: who blocks the thread on the result has chosen the connection by then. */
  add(request: ControlRequest): void {
    this.#entries.push({ request, notBefore: 0, failures: 0 })
    this.#schedulePump()
  }

  /** Drops what was not sent yet. One that is out stays until it is answered; it need not be asked again then. */
  clear(error: KafkaError): void {
    if (this.#out?.isLookup) this.#out = undefined
    const dropped = this.#entries.filter(entry => this.#out === undefined || entry !== this.#out.entry)
    this.#entries = this.#out === undefined ? [] : [this.#out.entry]
    if (this.#out === undefined) this.#stopWaiting()
    for (const { request } of dropped) request.failed(error)
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Takes a request back. One that is out may be answered all the same, to nobody. */
  remove(request: ControlRequest): void {
    const entry = this.#entries.find(other => other.request === request)
    if (entry === undefined) return
    if (this.#out?.entry === entry) this.#out = undefined
    else if (this.#entries[0] === entry) this.#stopWaiting()
    this.#remove(entry)
    this.#schedulePump()
  }

  close(error: KafkaError): void {
    this.#closed = true
    this.#stopWaiting()
    const entries = this.#entries
    this.#entries = []
    this.#out = undefined
    for (const { request } of entries) request.failed(error)
  }

  /** A connection that was waited for stands, or could not be made; or requests go another way from now on. */
  brokerReady(brokerId: number): void {
    if (this.#awaited !== brokerId) return
    this.#stopWaiting()
    const [entry] = this.#entries
    if (entry === undefined) return
    // Not there after all: another broker may be the coordinator by now.
    if (this.#links.connectionTo(brokerId) === undefined) this.#lookUpAgain(entry)
    this.#schedulePump()
  }

  /** Connections are about to change: what is out is asked again by the new ones. */
  handOver(): void {
    const out = this.#out
    this.#out = undefined
    if (this.#awaited !== undefined) this.#stopWaiting()
    if (out !== undefined && !out.isLookup) out.entry.request.lost(true)
    this.#schedulePump()
  }

  /** Requests go by the first connections again. What is out by the others is still answered. */
  takeBack(): void {
    if (this.#awaited !== undefined) this.#stopWaiting()
    this.#schedulePump()
  }

  #stopWaiting(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#awaited = undefined
  }

  #schedulePump(): void {
    if (this.#pumpScheduled || this.#closed) return
    this.#pumpScheduled = true
    this.#clock.afterThis(() => {
      this.#pumpScheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const [entry] = this.#entries
    if (this.#closed || this.#out !== undefined || this.#timer !== undefined || entry === undefined) return
    const waitMs = Math.max(entry.notBefore, this.#throttledUntil) - this.#clock.now()
    if (waitMs > 0) {
      this.#wait(waitMs)
      return
    }
    const { coordinator } = entry.request
    const brokerId = this.#coordinators.get(nameOf(coordinator))
    if (brokerId === undefined) {
      this.#lookUp(entry)
      return
    }
    const target = this.#links.connectionTo(brokerId)
    if (target !== undefined) {
      this.#send(entry, target)
      return
    }
    this.#wait(this.#options.requestTimeoutMs, () => this.#lookUpAgain(entry))
    this.#awaited = brokerId
  }

  #wait(ms: number, before: () => void = () => {}): void {
    this.#timer = this.#clock.schedule(() => {
      this.#timer = undefined
      this.#awaited = undefined
      before()
      this.#pump()
    }, ms)
  }

  #lookUpAgain(entry: Entry): void {
    this.#coordinators.delete(nameOf(entry.request.coordinator))
    this.#pause(entry, this.#backoff)
  }

  #pause(entry: Entry, backoff: Backoff): void {
    entry.failures++
    entry.notBefore = this.#clock.now() + backoff.delayMs(entry.failures)
  }

  // ---- coordinators

  #lookUp(entry: Entry): void {
    const out = { entry, isLookup: true }
    this.#out = out
    const { type, key } = entry.request.coordinator
    // Whichever version is spoken takes its own of the two fields.
    const question = { key, keyType: type === 'group' ? 0 : 1, coordinatorKeys: [key] }
    const isLate = () => {
      if (this.#out !== out) return true
      this.#out = undefined
      return false
    }
    this.#links.findCoordinator(
      question,
      answer => {
        if (!isLate()) this.#found(entry, answer)
      },
      thrown => {
        if (isLate()) return
        const error = thrown instanceof KafkaError ? thrown : new KafkaError('FIND_COORDINATOR', String(thrown))
        if (error.retriable) this.#tryAgain(entry, error)
        else this.#drop(entry, error)
      },
    )
  }

  #found(entry: Entry, answer: FindCoordinatorAnswer): void {
    const { coordinator } = entry.request
    // v4 and later answer in a list.
    const found = answer.coordinators.find(({ key }) => key === coordinator.key) ?? answer
    const code = brokerErrorCode(found.errorCode)
    if (code.name === 'NONE') {
      this.#links.introduce(found.nodeId, { host: found.host, port: found.port })
      this.#coordinators.set(nameOf(coordinator), found.nodeId)
      this.#pump()
      return
    }
    const detail = found.errorMessage ? `: ${found.errorMessage.slice(0, 500)}` : ''
    const what = coordinator.type === 'group' ? 'consumer group' : 'transactional id'
    const message = `the cluster names no coordinator for the ${what} ${coordinator.key}: ${code.name}${detail}`
    const verdict = transactionVerdict('FindCoordinator', code)
    const error = new BrokerError(code.name, code.code, message, {
      retriable: verdict === 'again',
      abortable: verdict === 'abortable',
      fatal: verdict === 'fatal',
    })
    if (verdict === 'again' || verdict === 'soon') this.#tryAgain(entry, error)
    else this.#drop(entry, error)
  }

  #tryAgain(entry: Entry, error: KafkaError): void {
    this.lastError = error
    this.#pause(entry, this.#backoff)
    this.#pump()
  }

  #drop(entry: Entry, error: KafkaError): void {
    this.#remove(entry)
    entry.request.failed(error)
    this.#schedulePump()
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter(other => other !== entry)
  }

  // ---- requests

  #send(entry: Entry, target: CallTarget): void {
    const { request } = entry
    let prepared: PreparedRequest
    try {
      prepared = request.prepare(target)
    } catch (thrown) {
      if (!(thrown instanceof KafkaError)) throw thrown
      this.#drop(entry, thrown instanceof UnsupportedVersionError ? unsupported(request, thrown) : thrown)
      return
    }
    const out = { entry, isLookup: false }
    this.#out = out
    target.send({
      apiKey: prepared.apiKey,
      apiVersion: prepared.apiVersion,
      flexible: prepared.flexible,
      body: [prepared.body],
      bodyBytes: prepared.body.length,
      expectsAnswer: true,
      timeoutMs: this.#options.requestTimeoutMs,
      onAnswer: reader => {
        if (this.#out !== out) return
        this.#answered(entry, prepared.answered(reader))
      },
      onFailure: (error, sent) => {
        if (this.#out !== out) return
        this.#out = undefined
        this.lastError = error
        request.lost(sent)
        this.#lookUpAgain(entry)
        this.#pump()
      },
      onReleased: () => {},
    })
  }

  #answered(entry: Entry, { reaction, throttleTimeMs }: { reaction: Reaction; throttleTimeMs: number }): void {
    this.#out = undefined
    if (throttleTimeMs > 0) this.#throttledUntil = this.#clock.now() + believedThrottleMs(throttleTimeMs)
    switch (reaction) {
      case 'done':
        this.#remove(entry)
        this.lastError = undefined
        break
      case 'soon':
        this.#pause(entry, this.#soon)
        break
      case 'again':
        this.#pause(entry, this.#backoff)
        break
      case 'elsewhere':
        this.#lookUpAgain(entry)
    }
    this.#pump()
  }
}

const nameOf = ({ type, key }: CoordinatorKey) => `${type} ${key}`

const unsupported = (request: ControlRequest, cause: UnsupportedVersionError) =>
  new UnsupportedVersionError(`${request.name}: ${cause.message}`, { fatal: true, cause })
