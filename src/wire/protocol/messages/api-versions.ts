import { message } from '../message.ts'
import { array, bool, field, int16, int32, int64, string, struct } from '../types.ts'

/**
 * Asks which versions of which APIs the broker speaks; the first request on a connection.
 * v3 flexible, names the client's software (KIP-511); v4 lets a feature's lowest version be 0 (KAFKA-17011).
 * A broker that does not know the version answers v0 with UNSUPPORTED_VERSION. Source: ApiVersionsRequest.json.
 */
export const apiVersionsRequest = message({
  name: 'ApiVersionsRequest',
  key: 18,
  versions: [0, 4],
  flexible: 3,
  fields: {
    clientSoftwareName: field(string, { from: 3, default: '' }),
    clientSoftwareVersion: field(string, { from: 3, default: '' }),
  },
})

/** Source: ApiVersionsResponse.json. Its header is never flexible (header.ts). */
export const apiVersionsResponse = message({
  name: 'ApiVersionsResponse',
  key: 18,
  versions: [0, 4],
  flexible: 3,
  fields: {
    errorCode: field(int16),
    apiKeys: field(
      array(struct('ApiVersion', { apiKey: field(int16), minVersion: field(int16), maxVersion: field(int16) })),
    ),
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    supportedFeatures: field(
      array(
        struct('SupportedFeatureKey', {
          name: field(string, { from: 3 }),
          minVersion: field(int16, { from: 3 }),
          maxVersion: field(int16, { from: 3 }),
        }),
      ),
      { from: 3, tag: 0, default: [] },
    ),
    finalizedFeaturesEpoch: field(int64, { from: 3, tag: 1, default: -1n }), // -1: unknown
    finalizedFeatures: field(
      array(
        struct('FinalizedFeatureKey', {
          name: field(string, { from: 3 }),
          maxVersionLevel: field(int16, { from: 3 }),
          minVersionLevel: field(int16, { from: 3 }),
        }),
      ),
      { from: 3, tag: 2, default: [] },
    ),
    zkMigrationReady: field(bool, { from: 3, tag: 3, default: false }),
  },
})
