import { ClosedError, KafkaError, TimeoutError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Courier } from '../courier/courier.ts'
import type { SubscriptionAnswer } from '../telemetry/subscription.ts'
import type { InstanceIdWaiter, TelemetryPush } from '../telemetry/telemetry-push.ts'
import { attempt, type OperationFuture } from './future.ts'
import type { Future, ProducerState, WaitOptions } from './types.ts'
import { bound, checkTimeout } from './waits.ts'

export interface InstanceIdParts {
  /** undefined: metrics are not pushed to brokers. */
  readonly telemetry: TelemetryPush | undefined
  readonly clock: Clock
  readonly maxBlockMs: number
  readonly requestTimeoutMs: number
  readonly state: ProducerState
  operation(name: string, press: (courier: Courier) => void): OperationFuture<string>
  /** Reaches a broker, where none was reached yet. */
  connect(): Promise<void>
}

/** The id under which a broker knows this producer (KIP-714): the one that it has, or the first that comes. */
export function clientInstanceId(parts: InstanceIdParts, options: WaitOptions): Future<string> {
  const { telemetry, clock, requestTimeoutMs, operation, connect } = parts
  const answered = (answer: SubscriptionAnswer) => telemetry?.subscribed(answer)
  const future = operation('clientInstanceId', courier => {
    if (telemetry === undefined) return
    const refused = (error: KafkaError) => future.reject(error)
    courier.ask('getTelemetrySubscriptions', telemetry.question, requestTimeoutMs, answered as never, refused)
  })
  attempt(future, () => {
    checkTimeout(options.timeoutMs)
    if (telemetry === undefined)
      throw new KafkaError('TELEMETRY_DISABLED', 'this producer has no id for telemetry: enableMetricsPush is false')
    if (parts.state !== 'open') throw new ClosedError(`the producer is ${parts.state}`)
    const waiter: InstanceIdWaiter = future
    telemetry.whenIdentified(waiter)
    future.whenSettled(() => telemetry.forget(waiter))
    const timeoutMs = options.timeoutMs ?? parts.maxBlockMs
    const timedOut = () => new TimeoutError(`clientInstanceId: no broker has given one within ${timeoutMs} ms`)
    bound(future, clock, { ...options, timeoutMs }, timedOut)
    if (!future.settled)
      connect().then(
        () => telemetry.clusterAnswered(),
        error => future.reject(error),
      )
  })
  return future
}
