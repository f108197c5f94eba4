import {
  BrokerError,
  brokerErrorCode,
  ClosedError,
  KafkaError,
  UnsupportedVersionError,
} from '../../base/errors/index.ts'
import type { Random } from '../../base/random.ts'
import { software } from '../../base/software.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { CodecName } from '../../wire/compression/index.ts'
import { type Api, apis, type Body, type Draft, type Message } from '../../wire/protocol/index.ts'
import type { Metric } from '../metrics/producer-metrics.ts'
import { Growth } from './growth.ts'
import { defaultIntervalMs, type Subscription, type SubscriptionAnswer, subscriptionOf } from './subscription.ts'
import { compressed, type PayloadSources, payloadFor } from './telemetry-payload.ts'
import { telemetryReaction } from './telemetry-reaction.ts'
import { TelemetryStates } from './telemetry-states.ts'

export interface TelemetryLinks {
  /** Whether brokers take metrics, as far as is known. */
  isSpoken(): boolean
  /**
   * One question to a broker, which keeps no process alive, and which nothing else waits behind. It goes to the same broker as long as
   * that can be reached. Rejects with a KafkaError.
   */
  request<Q extends Message, A extends Message>(api: Api<Q, A>, body: Draft<Q>): Promise<Body<A>>
  metrics(): Iterable<Metric>
  /** Told once of what goes wrong and will stay so. */
  onError(error: KafkaError): void
}

export interface TelemetryPushOptions {
  readonly clock: Clock
  readonly random: Random
  readonly transactionalId: string | undefined
}

export interface InstanceIdWaiter {
  resolve(clientInstanceId: string): void
  reject(error: KafkaError): void
}

type PushAnswer = Body<typeof apis.pushTelemetry.response>

/** Source: org.apache.kafka.common.Uuid.ZERO_UUID. */
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * Client telemetry (KIP-714): asks a broker which metrics it wants, and pushes them as often as it says. Where brokers do not speak it,
 * nothing is sent and no timer runs. It stands in nobody's way: no call of it throws, its timer is in the background, and what fails is
 * tried again with the next interval, without any of it being kept. Source: ClientTelemetryReporter.
 */
export class TelemetryPush {
  readonly #links: TelemetryLinks
  readonly #clock: Clock
  readonly #random: Random
  readonly #sources: PayloadSources
  readonly #states = new TelemetryStates()
  /** The last one that a broker gave, also where it is void by now. */
  #subscription: Subscription | undefined
  /** Codecs that a broker would not take. */
  readonly #refusedCodecs = new Set<CodecName>()
  #timer: Timer | undefined
  /** Counts the requests: the answer to an older one than the last is nobody's any more. */
  #requests = 0
  #wasTooLarge = false
  /** A push was refused because the subscription is not what it was. */
  #isAskedAnew = false
  /** The last push has begun. */
  #isLast = false
  #failure: KafkaError | undefined
  readonly #waiters = new Set<InstanceIdWaiter>()
  #onTerminated: (() => void) | undefined

  constructor({ clock, random, transactionalId }: TelemetryPushOptions, links: TelemetryLinks) {
    this.#links = links
    this.#clock = clock
    this.#random = random
    const startedAt = clock.wallTime()
    this.#sources = {
      resource: transactionalId === undefined ? {} : { transactional_id: transactionalId },
      version: software.version,
      startedAt,
      growth: new Growth(startedAt),
      metrics: () => links.metrics(),
    }
  }

  /** The cluster has told of itself: what brokers want is asked, where that was not done yet. */
  clusterAnswered(): void {
    if (!this.#states.is('subscription-needed') || this.#timer !== undefined) return
    if (this.#links.isSpoken()) this.#attempt(() => this.#ask())
    else this.#refuseWaiters(new UnsupportedVersionError('the brokers take no metrics (KIP-714)'))
  }

  /** The id that a broker has given this client, once there is one. `reject`: it is clear that there will be none. */
  whenIdentified(waiter: InstanceIdWaiter): void {
    if (this.#subscription !== undefined) waiter.resolve(this.#subscription.clientInstanceId)
    else if (this.#failure !== undefined) waiter.reject(this.#failure)
    else this.#waiters.add(waiter)
  }

  forget(waiter: InstanceIdWaiter): void {
    this.#waiters.delete(waiter)
  }

  /** The question which metrics are wanted. */
  get question(): Draft<typeof apis.getTelemetrySubscriptions.request> {
    return { clientInstanceId: this.#subscription?.clientInstanceId ?? zeroId }
  }

  #ask(): void {
    this.#states.move('subscription-in-progress')
    const request = ++this.#requests
    const whenCurrent = (step: () => void) => {
      if (request === this.#requests) this.#attempt(step)
    }
    this.#links.request(apis.getTelemetrySubscriptions, this.question).then(
      answer => whenCurrent(() => this.#subscribed(answer)),
      error => whenCurrent(() => this.#failed(error)),
    )
  }

  /** The answer to `question` came, by whatever way it was asked. */
  subscribed(answer: SubscriptionAnswer): void {
    this.#attempt(() => this.#subscribed(answer))
  }

  #subscribed(answer: SubscriptionAnswer): void {
    if (this.#states.is('subscription-needed')) this.#states.move('subscription-in-progress')
    if (!this.#states.is('subscription-in-progress')) return
    this.#requests++
    this.#cancelTimer()
    const { errorCode, throttleTimeMs } = answer
    const reaction = telemetryReaction(errorCode)
    if (reaction === 'accepted') this.#follow(answer)
    else if (reaction === 'give-up') this.#giveUp(refusal('GetTelemetrySubscriptions', errorCode))
    // At once would be again and again: it is this question that was refused.
    else this.#askIn(this.#intervalMs, throttleTimeMs)
  }

  #follow(answer: SubscriptionAnswer): void {
    if (answer.clientInstanceId === zeroId)
      throw new KafkaError('BAD_RESPONSE', 'a broker gave this client no instance id for its telemetry')
    const subscription = subscriptionOf(answer)
    if (this.#subscription?.isDelta !== subscription.isDelta) this.#sources.growth.reset()
    this.#subscription = subscription
    for (const waiter of this.#waiters) waiter.resolve(subscription.clientInstanceId)
    this.#waiters.clear()
    const { pushIntervalMs, prefixes } = subscription
    if (prefixes.length === 0) this.#askIn(pushIntervalMs, answer.throttleTimeMs)
    else {
      this.#states.move('push-needed')
      // A broker counts the interval from the push that it refused: half of it would be too early.
      const ms = this.#isAskedAnew ? pushIntervalMs * (1 + this.#random() / 2) : this.#spread(pushIntervalMs)
      this.#isAskedAnew = false
      this.#pushIn(ms, answer.throttleTimeMs)
    }
  }

  #pushIn(ms: number, throttleMs: number): void {
    this.#schedule(Math.max(ms, throttleMs), () => {
      this.#states.move('push-in-progress')
      void this.#push(false)
    })
  }

  /** Does not reject. */
  async #push(isTerminating: boolean): Promise<void> {
    const subscription = this.#subscription!
    const request = ++this.#requests
    const isCurrent = () => request === this.#requests
    try {
      const payload = payloadFor(subscription, this.#sources, this.#clock.wallTime())
      if (payload === undefined) {
        this.#tooLarge()
        return
      }
      const { codec, codecId, bytes } = await compressed(payload, subscription, this.#refusedCodecs)
      if (!isCurrent()) return
      if (isTerminating) this.#states.move('terminating-push-in-progress')
      const { clientInstanceId, subscriptionId } = subscription
      const answer = await this.#links.request(apis.pushTelemetry, {
        ...{ clientInstanceId, subscriptionId, terminating: isTerminating },
        ...{ compressionType: codecId, metrics: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) },
      })
      if (isCurrent()) this.#attempt(() => this.#pushed(answer, codec))
    } catch (error) {
      if (isCurrent()) this.#attempt(() => this.#failed(error))
    }
  }

  #pushed({ errorCode, throttleTimeMs }: PushAnswer, codec: CodecName): void {
    const reaction = telemetryReaction(errorCode)
    if (reaction === 'accepted') this.#sources.growth.acknowledged()
    if (this.#goesOnToTerminate()) return
    switch (reaction) {
      case 'accepted':
        this.#states.move('push-needed')
        this.#pushIn(this.#intervalMs, throttleTimeMs)
        return
      case 'ask-now':
        if (brokerErrorCode(errorCode).name === 'UNSUPPORTED_COMPRESSION_TYPE') this.#refusedCodecs.add(codec)
        this.#isAskedAnew = true
        this.#states.move('subscription-needed')
        this.#ask()
        return
      case 'ask-later':
        if (brokerErrorCode(errorCode).name === 'TELEMETRY_TOO_LARGE') this.#tellTooLarge()
        this.#askIn(this.#intervalMs, throttleTimeMs)
        return
      case 'give-up':
        this.#giveUp(refusal('PushTelemetry', errorCode))
    }
  }

  /** No answer: the broker cannot be reached, or does not speak this. What is a mistake of ours ends it. */
  #failed(error: unknown): void {
    if (this.#goesOnToTerminate()) return
    if (!(error instanceof KafkaError)) throw error
    if (error instanceof UnsupportedVersionError) this.#restUntilNews(error)
    else this.#askIn(this.#spread(this.#intervalMs), 0)
  }

  /** With the next news of the cluster there may be another broker at the other end. */
  #restUntilNews(error: UnsupportedVersionError): void {
    this.#states.move('subscription-needed')
    this.#refuseWaiters(error)
  }

  #refuseWaiters(error: KafkaError): void {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }

  #tooLarge(): void {
    if (this.#goesOnToTerminate()) return
    this.#tellTooLarge()
    this.#askIn(this.#intervalMs, 0)
  }

  #tellTooLarge(): void {
    if (this.#wasTooLarge) return
    this.#wasTooLarge = true
    const { maxBytes } = this.#subscription!
    const message = `the metrics that a broker asks for take more than the ${maxBytes} bytes it allows: none are pushed`
    this.#links.onError(new KafkaError('TELEMETRY_TOO_LARGE', message, { retriable: true }))
  }

  /** What was on its way when the producer closed is over: its last push follows, or was it. */
  #goesOnToTerminate(): boolean {
    if (!this.#states.is('terminating-push-needed', 'terminating-push-in-progress')) return false
    if (this.#isLast) this.#terminated()
    else this.#pushLast()
    return true
  }

  #pushLast(): void {
    this.#isLast = true
    void this.#push(true)
  }

  /**
   * The producer closes: what it has to tell at last is pushed, where a broker wants metrics. `done` is called once: when that is over,
   * after `timeoutMs` at the latest.
   */
  terminate(timeoutMs: number, done: () => void): void {
    this.#onTerminated = done
    const isUnderWay = this.#states.is('push-in-progress')
    if (timeoutMs <= 0 || !(isUnderWay || this.#states.is('push-needed'))) {
      this.#terminated()
      return
    }
    this.#cancelTimer()
    this.#states.move('terminating-push-needed')
    this.#timer = this.#clock.schedule(() => this.#terminated(), timeoutMs)
    // Else once that push is over: what it tells must not be told twice.
    if (!isUnderWay) this.#pushLast()
  }

  /** Nothing more is pushed, and nobody waits for what is on its way. */
  abandon(): void {
    this.#terminated()
  }

  #terminated(): void {
    this.#requests++
    this.#cancelTimer()
    if (!this.#states.is('terminated')) this.#states.move('terminated')
    this.#failure ??= new ClosedError('the producer was closed before a broker had given it an id')
    this.#refuseWaiters(this.#failure)
    const done = this.#onTerminated
    this.#onTerminated = undefined
    done?.()
  }

  #giveUp(error: KafkaError): void {
    this.#failure = error
    this.#terminated()
    this.#links.onError(error)
  }

  get #intervalMs(): number {
    return this.#subscription?.pushIntervalMs ?? defaultIntervalMs
  }

  /** Many clients that began together, or lost their broker together, do not go on together. */
  #spread(ms: number): number {
    return ms * (0.5 + this.#random())
  }

  #askIn(ms: number, throttleMs: number): void {
    this.#states.move('subscription-needed')
    this.#schedule(Math.max(ms, throttleMs), () => this.#ask())
  }

  #schedule(ms: number, step: () => void): void {
    this.#cancelTimer()
    this.#timer = this.#clock.schedule(
      () => {
        this.#timer = undefined
        this.#attempt(step)
      },
      ms,
      true,
    )
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** A mistake of ours ends telemetry, and harms nobody else. */
  #attempt(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#giveUp(error instanceof KafkaError ? error : unexpected(error))
    }
  }
}

function unexpected(error: unknown): KafkaError {
  const message = `pushing metrics failed, and is not tried again: ${error instanceof Error ? error.message : String(error)}`
  return new KafkaError('TELEMETRY_FAILED', message, { cause: error })
}

function refusal(api: string, errorCode: number): BrokerError {
  const { name, code } = brokerErrorCode(errorCode)
  return new BrokerError(name, code, `a broker answered ${name} to ${api}: this producer pushes no more metrics`)
}
