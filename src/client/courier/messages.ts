import type { ErrorData } from '../../base/errors/error-data.ts'
import type { BrokerVersions, FinalizedFeatures } from '../../wire/network/index.ts'
import type { BrokerAddress, ClusterOptions, TopicMetadata } from '../cluster/index.ts'

/** The options of the courier's cluster: those that are plain data. */
export type CourierSettings = Omit<
  ClusterOptions,
  'clock' | 'waitersClock' | 'random' | 'lookup' | 'onTopic' | 'onBrokerReady' | 'onAnswered' | 'onError'
>

/** What the worker is started with. */
export interface CourierStart {
  readonly settings: CourierSettings
  /** A counter that the courier raises with each message, to wake whoever sleeps on it. */
  readonly bell: SharedArrayBuffer
}

/** One request, as `Call` has it, without its callbacks. */
export interface CallData {
  readonly apiKey: number
  readonly apiVersion: number
  readonly flexible: boolean
  readonly expectsAnswer: boolean
  readonly timeoutMs: number
  readonly body: Uint8Array
}

/** The questions that any broker may answer. */
export type AskedApi = 'initProducerId' | 'findCoordinator' | 'getTelemetrySubscriptions'

export type ToCourier =
  | { readonly kind: 'want'; readonly topic: string }
  | { readonly kind: 'refresh'; readonly reason: string }
  /** A connection to this broker, please: `link` follows, or `broker-ready` when it is time to ask again. */
  | { readonly kind: 'connect'; readonly brokerId: number; readonly address: BrokerAddress | undefined }
  | { readonly kind: 'call'; readonly id: number; readonly link: number; readonly call: CallData }
  /** The answers of this connection make no sense. */
  | { readonly kind: 'drop'; readonly link: number; readonly error: ErrorData }
  /** A question for any broker, by the name of its API. */
  | {
      readonly kind: 'ask'
      readonly id: number
      readonly api: AskedApi
      readonly body: object
      readonly timeoutMs: number
    }
  /** Reaches the cluster and connects to its brokers, so that the first blocking send is as quick as the next. */
  | { readonly kind: 'warm-up'; readonly id: number }
  | { readonly kind: 'close' }

export type FromCourier =
  | { readonly kind: 'started' }
  /** A connection stands. The number names it from now on. */
  | {
      readonly kind: 'link'
      readonly link: number
      readonly brokerId: number
      readonly remote: string
      readonly versions: BrokerVersions['versions']
      readonly finalizedFeatures: FinalizedFeatures
    }
  | { readonly kind: 'link-lost'; readonly link: number }
  | { readonly kind: 'broker-ready'; readonly brokerId: number }
  | {
      readonly kind: 'picture'
      readonly brokers: ReadonlyMap<number, BrokerAddress>
      readonly topics: readonly TopicMetadata[]
    }
  | { readonly kind: 'answer'; readonly id: number; readonly body: Uint8Array }
  | { readonly kind: 'failure'; readonly id: number; readonly error: ErrorData; readonly sent: boolean }
  /** The socket has written the body. Told only where no answer comes. */
  | { readonly kind: 'written'; readonly id: number }
  | { readonly kind: 'told'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly error: ErrorData }
  /** Something failed that is tried again. */
  | { readonly kind: 'problem'; readonly error: ErrorData }
  | { readonly kind: 'closed' }
