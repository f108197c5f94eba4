import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, string, uuid } from '../types.ts'

/** Asks which metrics the broker wants of this client (KIP-714). Source: GetTelemetrySubscriptionsRequest.json. */
export const getTelemetrySubscriptionsRequest = message({
  name: 'GetTelemetrySubscriptionsRequest',
  key: 71,
  versions: [0, 0],
  flexible: 0,
  fields: {
    clientInstanceId: field(uuid), // all zero: give me one
  },
})

/** Source: GetTelemetrySubscriptionsResponse.json. */
export const getTelemetrySubscriptionsResponse = message({
  name: 'GetTelemetrySubscriptionsResponse',
  key: 71,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    clientInstanceId: field(uuid),
    subscriptionId: field(int32),
    acceptedCompressionTypes: field(array(int8)),
    pushIntervalMs: field(int32),
    telemetryMaxBytes: field(int32),
    deltaTemporality: field(bool),
    requestedMetrics: field(array(string)), // prefixes of names; '': all; none: no metrics
  },
})
