import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

const upgrade = 1
const unsafeDowngrade = 3

/** All changes or none from v2 on, each for itself before. Source: FeatureControlManager.updateFeatures, UpdateFeaturesResponse. */
export const updateFeaturesHandler = handler('UpdateFeatures', apis.updateFeatures, {
  handle(call) {
    const { body, version, cluster } = call
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, errorMessage: injected.message, results: [] }
    const judged = body.featureUpdates.map(({ feature, maxVersionLevel, allowDowngrade, upgradeType }) => {
      const kind = version === 0 && allowDowngrade ? unsafeDowngrade : version === 0 ? upgrade : upgradeType
      return { feature, level: maxVersionLevel, problem: cluster.features.problemOf(feature, maxVersionLevel, kind) }
    })
    const problem = judged.find(one => one.problem !== null)
    if (version >= 2 && problem) {
      const errorMessage = `The update failed for all features since the following feature had an error: ${problem.problem}`
      return { errorCode: errorNumber('INVALID_UPDATE_VERSION'), errorMessage }
    }
    if (!body.validateOnly)
      for (const { feature, level, problem } of judged) if (!problem) cluster.features.set(feature, level)
    const results = judged.map(({ feature, problem }) => ({
      feature,
      errorCode: problem ? errorNumber('INVALID_UPDATE_VERSION') : 0,
      errorMessage: problem,
    }))
    return { errorCode: 0, errorMessage: null, results }
  },
})
