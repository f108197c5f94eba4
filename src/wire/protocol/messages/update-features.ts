import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Changes finalized feature levels (KIP-584). v1 validateOnly and kinds of downgrade (KIP-778); v2 no results per
 * feature (KIP-1022). Source: UpdateFeaturesRequest.json.
 */
export const updateFeaturesRequest = message({
  name: 'UpdateFeaturesRequest',
  key: 57,
  versions: [0, 2],
  flexible: 0,
  fields: {
    timeoutMs: field(int32, { default: 60_000 }),
    featureUpdates: field(
      array(
        struct('FeatureUpdateKey', {
          feature: field(string),
          maxVersionLevel: field(int16), // below 1: the feature goes
          allowDowngrade: field(bool, { to: 0, default: false }),
          upgradeType: field(int8, { from: 1, default: 1 }), // 1 upgrade, 2 safe downgrade, 3 unsafe downgrade
        }),
      ),
    ),
    validateOnly: field(bool, { from: 1, default: false }),
  },
})

/** Source: UpdateFeaturesResponse.json. */
export const updateFeaturesResponse = message({
  name: 'UpdateFeaturesResponse',
  key: 57,
  versions: [0, 2],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    results: field(
      array(
        struct('UpdatableFeatureResult', {
          feature: field(string),
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
        }),
      ),
      { to: 1, default: [] },
    ),
  },
})
