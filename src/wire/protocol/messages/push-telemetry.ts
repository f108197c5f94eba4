import { message } from '../message.ts'
import { bool, bytes, field, int8, int16, int32, uuid } from '../types.ts'

/** Brings a client's metrics, in OTLP's encoding (KIP-714). Source: PushTelemetryRequest.json. */
export const pushTelemetryRequest = message({
  name: 'PushTelemetryRequest',
  key: 72,
  versions: [0, 0],
  flexible: 0,
  fields: {
    clientInstanceId: field(uuid),
    subscriptionId: field(int32),
    terminating: field(bool),
    compressionType: field(int8),
    metrics: field(bytes),
  },
})

/** Source: PushTelemetryResponse.json. */
export const pushTelemetryResponse = message({
  name: 'PushTelemetryResponse',
  key: 72,
  versions: [0, 0],
  flexible: 0,
  fields: { throttleTimeMs: field(int32, { default: 0 }), errorCode: field(int16) },
})
