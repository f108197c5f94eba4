import type { ErrorData } from '../base/errors/error-data.ts'
import type { Broker, BrokerOptions, Faults } from '../broker/index.ts'

/** Methods of the broker whose arguments and results can cross threads as they are. */
export const brokerMethods = [
  'createTopic',
  'deleteTopic',
  'recreateTopic',
  'addPartitions',
  'topicId',
  'records',
  'batches',
  'partition',
  'requestCount',
  'clearRequests',
  'moveLeader',
  'pauseReplication',
  'resumeReplication',
  'setIsr',
  'partitionCount',
  'shrinkIsr',
  'rotateCredentials',
  'leaderless',
  'replaceCluster',
  'stop',
  'start',
  'pause',
  'resume',
  'connections',
  'closeConnections',
  'bumpEpochs',
  'forgetProducers',
  'applyRetention',
  'compact',
  'moveCoordinator',
  'groups',
  'expireSession',
  'transactions',
  'expireTransaction',
  'setTransactionVersion',
  'subscribeTelemetry',
  'unsubscribeTelemetry',
  'telemetry',
  'clearTelemetry',
] as const satisfies readonly (keyof Broker)[]

/**
 * Faults in their declarative form; `changeAnswer` needs a function, and there is none between threads. A schedule is given with
 * the option `schedule` instead of `load`.
 */
export const faultMethods = [
  'add',
  'loseAnswerAfterAppend',
  'swallowAnswer',
  'ignore',
  'failBefore',
  'failAfter',
  'closeBefore',
  'delay',
  'hold',
  'throttle',
  'truncateAnswer',
  'wrongCorrelationId',
  'omitPartition',
  'duplicatePartition',
  'garbage',
  'corrupt',
  'splitWrites',
] as const satisfies readonly (keyof Faults)[]

export type BrokerMethod = (typeof brokerMethods)[number]
export type FaultMethod = (typeof faultMethods)[number]

/** What the thread is asked. A fault has the number of the question that set it. */
export type BrokerQuestion =
  | { readonly ask: 'call'; readonly method: BrokerMethod; readonly args: readonly unknown[]; readonly afterMs: number }
  | { readonly ask: 'topics' | 'clear-faults' | 'remaining-faults' | 'close' }
  | { readonly ask: 'requests'; readonly api: string | undefined }
  | { readonly ask: 'wait-for-request'; readonly api: string; readonly timeoutMs: number | undefined }
  | { readonly ask: 'set-fault'; readonly method: FaultMethod; readonly args: readonly unknown[] }
  | { readonly ask: 'fault'; readonly fault: number; readonly what: FaultQuestion }

export type FaultQuestion = 'fired' | 'remaining' | 'done' | 'release' | 'remove'

export type BrokerAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ErrorData }

/** The first message: the broker takes connections, or could not start. */
export type BrokerStarted =
  | { readonly bootstrapServers: string; readonly clusterId: string; readonly ports: ReadonlyMap<number, number> }
  | { readonly error: ErrorData }

export interface BrokerThreadStart {
  readonly options: BrokerOptions
}
