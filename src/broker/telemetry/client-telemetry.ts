import { createHash } from 'node:crypto'
import { DecodeError } from '../../base/errors/decode-error.ts'
import type { Random } from '../../base/random.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { apis, Body, Draft } from '../../wire/protocol/index.ts'
import type { Call } from '../call.ts'
import { decompress } from '../decompress.ts'
import { readMetricsData, type TelemetryMetric } from './otlp-reader.ts'
import {
  allMetrics,
  defaultIntervalMs,
  meantFor,
  type TelemetryOptions,
  type TelemetrySubscription,
} from './telemetry-options.ts'

/** What a client has pushed, as a broker took it. */
export interface TelemetryPush {
  /** Milliseconds on the broker's clock (monotonic). */
  readonly at: number
  readonly broker: number
  readonly clientId: string | null
  readonly clientInstanceId: string
  /** The client was closing: it pushes no more. */
  readonly isTerminating: boolean
  /** Id of the codec, 0 for none. */
  readonly codec: number
  /** As it came, compressed. */
  readonly sizeInBytes: number
  readonly metrics: readonly TelemetryMetric[]
}

type PushRequest = Body<typeof apis.pushTelemetry.request>
type SubscriptionAnswer = Draft<typeof apis.getTelemetrySubscriptions.response>
type GetRequest = Body<typeof apis.getTelemetrySubscriptions.request>

/** A client, as one broker knows it. */
interface Instance {
  readonly subscriptionId: number
  readonly metrics: readonly string[]
  readonly intervalMs: number
  /** Which state of the subscriptions this follows from. */
  readonly version: number
  lastGetAt: number
  lastPushAt: number
  isTerminating: boolean
  /** The last refusal makes it ask again before its time. */
  mayAskAgain: boolean
}

/** Kafka's limit, for each broker. */
const mostInstances = 16_384
/** For all pushes that are kept, as they came. */
const mostPushedBytes = 16 * 1024 * 1024
const mostPushes = 10_000

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
/** Zero and one are Kafka's own. */
const reservedIds = [zeroId, 'AAAAAAAAAAAAAAAAAAAAAQ']
const kafkaCodecs = [4, 3, 1, 2]
const knownCodecs = 5
const never = Number.NEGATIVE_INFINITY

/**
 * Which metrics clients are asked for, who they are, and what they have pushed (KIP-714). Each broker knows the clients that came
 * to it; what they are asked for is the same everywhere. Source: ClientMetricsManager, ClientMetricsInstance.
 */
export class ClientTelemetry {
  readonly #options: TelemetryOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #subscriptions: Map<string, TelemetrySubscription>
  /** Counts changes of the subscriptions. */
  #version = 0
  /** By broker and client instance id, the one longest unused first. */
  readonly #instances = new Map<string, Instance>()
  #pushes: TelemetryPush[] = []
  #pushedBytes = 0

  constructor(options: TelemetryOptions, clock: Clock, random: Random) {
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#subscriptions = new Map(Object.entries(options.subscriptions ?? {}))
  }

  /** Asks clients for metrics, under a name that can be taken back; the caller has checked it. */
  subscribe(name: string, subscription: TelemetrySubscription): void {
    this.#subscriptions.set(name, subscription)
    this.#version++
  }

  unsubscribe(name: string): void {
    if (this.#subscriptions.delete(name)) this.#version++
  }

  /** undefined: there is none of this name. */
  subscription(name: string): TelemetrySubscription | undefined {
    return this.#subscriptions.get(name)
  }

  get subscriptionNames(): readonly string[] {
    return [...this.#subscriptions.keys()]
  }

  get pushes(): readonly TelemetryPush[] {
    return this.#pushes
  }

  forgetPushes(): void {
    this.#pushes = []
    this.#pushedBytes = 0
  }

  /** Another cluster: nobody is known, and nothing is asked for but what it was started with. */
  replace(): void {
    this.#instances.clear()
    this.#subscriptions.clear()
    for (const [name, subscription] of Object.entries(this.#options.subscriptions ?? {}))
      this.#subscriptions.set(name, subscription)
    this.#version++
  }

  /** The answer to GetTelemetrySubscriptions, or Kafka's name of its refusal. */
  subscriptionOf(call: Call<GetRequest>): SubscriptionAnswer | string {
    const { clientInstanceId: given } = call.body
    const clientInstanceId = given === zeroId ? this.#newInstanceId() : given
    const instance = this.#instance(call, clientInstanceId)
    const now = this.#clock.now()
    if (now - Math.max(instance.lastGetAt, instance.lastPushAt) >= instance.intervalMs) instance.lastGetAt = now
    else if (!instance.mayAskAgain) return 'THROTTLING_QUOTA_EXCEEDED'
    instance.mayAskAgain = false
    return {
      errorCode: 0,
      clientInstanceId,
      subscriptionId: instance.subscriptionId,
      acceptedCompressionTypes: [...(this.#options.compressionTypes ?? kafkaCodecs)],
      pushIntervalMs: instance.intervalMs,
      telemetryMaxBytes: this.#maxBytes,
      deltaTemporality: this.#options.deltaTemporality ?? true,
      requestedMetrics: [...instance.metrics],
    }
  }

  /** Takes a push. Null, or Kafka's name of its refusal. */
  push(call: Call<PushRequest>): string | null {
    const { clientInstanceId, terminating } = call.body
    if (reservedIds.includes(clientInstanceId)) return 'INVALID_REQUEST'
    const instance = this.#instance(call, clientInstanceId)
    const refusal = this.#refusalOf(call.body, instance) ?? this.#export(call)
    instance.isTerminating = terminating
    instance.mayAskAgain = refusal === 'UNKNOWN_SUBSCRIPTION_ID' || refusal === 'UNSUPPORTED_COMPRESSION_TYPE'
    return refusal
  }

  #refusalOf(body: PushRequest, instance: Instance): string | null {
    if (instance.isTerminating) return 'INVALID_REQUEST'
    const now = this.#clock.now()
    // A first push may come early: clients spread it between half the interval and one and a half.
    if (instance.lastGetAt > instance.lastPushAt || now - instance.lastPushAt >= instance.intervalMs)
      instance.lastPushAt = now
    else if (!body.terminating) return 'THROTTLING_QUOTA_EXCEEDED'
    if (body.subscriptionId !== instance.subscriptionId) return 'UNKNOWN_SUBSCRIPTION_ID'
    if (!this.#takesCodec(body.compressionType)) return 'UNSUPPORTED_COMPRESSION_TYPE'
    return body.metrics.length > this.#maxBytes ? 'TELEMETRY_TOO_LARGE' : null
  }

  /** Kafka takes every codec it knows, also one that it did not name; where a test names codecs, the others are refused. */
  #takesCodec(codec: number): boolean {
    const { compressionTypes } = this.#options
    if (compressionTypes !== undefined && codec !== 0) return compressionTypes.includes(codec)
    return codec >= 0 && codec < knownCodecs
  }

  #export(call: Call<PushRequest>): string | null {
    const { metrics: bytes, compressionType: codec, clientInstanceId, terminating } = call.body
    if (bytes.length === 0) return null
    let metrics: TelemetryMetric[]
    try {
      const plain = decompress(codec, Buffer.from(bytes))
      if (plain.length > this.#maxBytes) return 'TELEMETRY_TOO_LARGE'
      metrics = readMetricsData(plain)
    } catch (error) {
      if (error instanceof DecodeError) return 'INVALID_RECORD'
      throw error
    }
    const { brokerId: broker, clientId } = call
    this.#keep({
      ...{ at: this.#clock.now(), broker, clientId, clientInstanceId, codec, metrics },
      ...{ isTerminating: terminating, sizeInBytes: bytes.length },
    })
    return null
  }

  #keep(push: TelemetryPush): void {
    this.#pushes.push(push)
    this.#pushedBytes += push.sizeInBytes
    while (this.#pushes.length > mostPushes || (this.#pushedBytes > mostPushedBytes && this.#pushes.length > 1))
      this.#pushedBytes -= this.#pushes.shift()!.sizeInBytes
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? 1024 * 1024
  }

  #instance(call: Call<unknown>, clientInstanceId: string): Instance {
    const key = `${call.brokerId} ${clientInstanceId}`
    let instance = this.#instances.get(key)
    this.#instances.delete(key)
    if (instance?.version !== this.#version) {
      if (instance === undefined) call.onGone(() => this.#instances.delete(key))
      instance = this.#newInstance(call, clientInstanceId)
    }
    this.#instances.set(key, instance)
    if (this.#instances.size > mostInstances) this.#instances.delete(this.#instances.keys().next().value!)
    return instance
  }

  #newInstance({ clientId, clientHost }: Call<unknown>, clientInstanceId: string): Instance {
    const client = {
      client_id: clientId,
      client_instance_id: clientInstanceId,
      client_source_address: clientHost.replace('/', ''),
    }
    const meant = meantFor(this.#subscriptions.values(), client)
    const asked = [...new Set(meant.flatMap(own => own.metrics))].sort()
    const metrics = asked.includes(allMetrics) ? [allMetrics] : asked
    const intervalMs = Math.min(defaultIntervalMs, ...meant.map(own => own.intervalMs ?? defaultIntervalMs))
    const subscriptionId = createHash('sha256')
      .update(JSON.stringify([metrics, intervalMs, clientInstanceId]))
      .digest()
      .readInt32BE(0)
    const times = { lastGetAt: never, lastPushAt: never, isTerminating: false, mayAskAgain: false }
    return { subscriptionId, metrics, intervalMs, version: this.#version, ...times }
  }

  #newInstanceId(): string {
    return Buffer.from(Array.from({ length: 16 }, () => Math.floor(this.#random() * 256))).toString('base64url')
  }
}
