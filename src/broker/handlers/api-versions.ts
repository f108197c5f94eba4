import { errorNumber } from '../../base/errors/index.ts'
import { apis, apiVersionsKey, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { apiOf } from '../versions.ts'

type Announced = Body<typeof apis.apiVersions.response>['apiKeys']

function announced(cluster: Cluster): Announced {
  return [...cluster.settings.versions].map(([name, [min, max]]) => {
    const api = apiOf(name)
    const from = 'announcedFrom' in api ? api.announcedFrom : min
    return { apiKey: api.request.key, minVersion: from, maxVersion: max }
  })
}

/** Source: KafkaApis.handleApiVersionsRequest. */
export const apiVersionsHandler = handler('ApiVersions', apis.apiVersions, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, apiKeys: [] }
    // KIP-511: names that could not stand in a metric are refused.
    const legal = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
    const { clientSoftwareName, clientSoftwareVersion } = call.body
    if (call.version >= 3 && !(legal.test(clientSoftwareName) && legal.test(clientSoftwareVersion)))
      return { errorCode: errorNumber('INVALID_REQUEST'), apiKeys: [] }
    return { errorCode: 0, apiKeys: announced(call.cluster), ...featuresOf(call) }
  },
})

/** Below v4 clients cannot read a lowest level of 0 (KAFKA-17011). Source: ApiVersionsResponse.maybeFilterSupportedFeatureKeys. */
function featuresOf({ cluster, version }: Call<unknown>) {
  const features = cluster.features.all()
  if (features.length === 0) return {}
  const lowest = version < 4 ? 1 : 0
  return {
    supportedFeatures: features.map(({ name, minLevel, maxLevel }) => ({
      ...{ name, minVersion: Math.max(lowest, minLevel), maxVersion: maxLevel },
    })),
    finalizedFeaturesEpoch: cluster.features.epoch,
    finalizedFeatures: features
      .filter(({ level }) => level > 0)
      .map(({ name, level }) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
  }
}

/** What a request of an unknown version gets, in version 0: the error, and the versions of this API alone (KIP-511). */
export function unsupportedApiVersions(cluster: Cluster): { errorCode: number; apiKeys: Announced } {
  const own = announced(cluster).filter(({ apiKey }) => apiKey === apiVersionsKey)
  return { errorCode: errorNumber('UNSUPPORTED_VERSION'), apiKeys: own }
}
