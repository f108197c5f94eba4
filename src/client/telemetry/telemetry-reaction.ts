import { brokerErrorCode } from '../../base/errors/index.ts'

/**
 * accepted     it was done.
 * ask-now      what is wanted is to be asked anew, at once.
 * ask-later    the same, when the interval is over.
 * give-up      nothing more is sent as long as this producer lives.
 */
export type TelemetryReaction = 'accepted' | 'ask-now' | 'ask-later' | 'give-up'

/** Source: ClientTelemetryUtils.maybeFetchErrorIntervalMs. */
const reactions: Readonly<Record<string, TelemetryReaction>> = {
  NONE: 'accepted',
  UNKNOWN_SUBSCRIPTION_ID: 'ask-now',
  UNSUPPORTED_COMPRESSION_TYPE: 'ask-now',
  TELEMETRY_TOO_LARGE: 'ask-later',
  THROTTLING_QUOTA_EXCEEDED: 'ask-later',
}

/** What follows from the code in a broker's answer: anything else than these shows that it does not want to be asked again. */
export function telemetryReaction(errorCode: number): TelemetryReaction {
  return reactions[brokerErrorCode(errorCode).name] ?? 'give-up'
}
