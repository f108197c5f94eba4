import { States } from '../../base/states.ts'

/**
 * subscription-needed           which metrics are wanted is to be asked: when the cluster has told of itself, or when the time has come.
 * subscription-in-progress      it was asked.
 * push-needed                   metrics are wanted, and pushed when their time has come.
 * push-in-progress              they were sent.
 * terminating-push-needed       the producer closes: what it has to tell at last is being collected.
 * terminating-push-in-progress  it was sent.
 * terminated                    nothing more is asked or sent: the producer is closed, or a broker has said that it must not be.
 */
export type TelemetryState =
  | 'subscription-needed'
  | 'subscription-in-progress'
  | 'push-needed'
  | 'push-in-progress'
  | 'terminating-push-needed'
  | 'terminating-push-in-progress'
  | 'terminated'

/** Source: ClientTelemetryState of the Java client. */
export const telemetryMoves: Readonly<Record<TelemetryState, readonly TelemetryState[]>> = {
  'subscription-needed': ['subscription-in-progress', 'terminated'],
  'subscription-in-progress': ['push-needed', 'subscription-needed', 'terminated'],
  'push-needed': ['push-in-progress', 'terminating-push-needed', 'terminated'],
  'push-in-progress': ['push-needed', 'subscription-needed', 'terminating-push-needed', 'terminated'],
  'terminating-push-needed': ['terminating-push-in-progress', 'terminated'],
  'terminating-push-in-progress': ['terminated'],
  terminated: [],
}

/** Which state the telemetry of a producer is in. */
export class TelemetryStates extends States<TelemetryState> {
  constructor() {
    super('telemetry', telemetryMoves, 'subscription-needed')
  }
}
