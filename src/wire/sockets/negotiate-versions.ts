import { NetworkError } from '../../base/errors/index.ts'
import { type Api, apis, type Body, type Draft, type Message } from '../protocol/index.ts'

/** What a broker says of itself. */
export interface NegotiatedVersions {
  readonly versions: ReadonlyMap<number, readonly [min: number, max: number]>
  /** Finalized features with their level (KIP-584), such as `transaction.version`. */
  readonly finalizedFeatures: ReadonlyMap<string, number>
}

/** As much of a connection as the negotiation needs. */
export interface Requester {
  readonly remote: string
  request<Q extends Message, A extends Message>(
    api: Api<Q, A>,
    body: Draft<Q>,
    options: { timeoutMs: number; version: number },
  ): Promise<Body<A>>
}

const unsupportedVersion = 35
const softwareName = 'ottla'
const softwareVersion = '0.1.0'

/**
 * ApiVersions, newest first. A broker that does not know the version answers in v0 with error 35 and, since 2.4, says which
 * version it does know; the read of a v0 body under a newer table is what `decodeOldAnswer` of Java's client is for.
 * Source: KIP-35, KIP-511.
 */
export async function negotiateVersions(
  connection: Requester,
  newest: number,
  timeoutMs: number,
): Promise<NegotiatedVersions> {
  const body = { clientSoftwareName: softwareName, clientSoftwareVersion: softwareVersion }
  let answer = await connection.request(apiVersionsLeniently, body, { timeoutMs, version: newest })
  if (answer.errorCode === unsupportedVersion && newest > 0) {
    const offered = answer.apiKeys.find(api => api.apiKey === apis.apiVersions.request.key)?.maxVersion ?? 0
    const version = Math.max(0, Math.min(offered, newest - 1))
    answer = await connection.request(apiVersionsLeniently, body, { timeoutMs, version })
  }
  if (answer.errorCode !== 0)
    throw new NetworkError('BAD_RESPONSE', `${connection.remote} answers ApiVersions with error ${answer.errorCode}`)
  const versions = new Map<number, readonly [number, number]>()
  for (const { apiKey, minVersion, maxVersion } of answer.apiKeys)
    if (minVersion <= maxVersion) versions.set(apiKey, [minVersion, maxVersion])
  const finalizedFeatures = new Map(answer.finalizedFeatures.map(own => [own.name, own.maxVersionLevel]))
  return { versions, finalizedFeatures }
}

/** ApiVersions, whose error answer is in v0 whatever was asked for. */
const apiVersionsLeniently: typeof apis.apiVersions = {
  ...apis.apiVersions,
  response: {
    ...apis.apiVersions.response,
    read(reader, version) {
      const start = reader.offset
      const isRefusal = reader.int16() === unsupportedVersion
      reader.offset = start
      return apis.apiVersions.response.read(reader, isRefusal ? 0 : version)
    },
  },
}
