import { brokerErrorCode, errorNumber, NetworkError, UnsupportedVersionError } from '../../base/errors/index.ts'
import { apis, type Body, DecodeError, type Message, type Reader } from '../protocol/index.ts'

const { request, response } = apis.apiVersions
const unsupportedVersion = errorNumber('UNSUPPORTED_VERSION')

export const newestApiVersions = request.versions[1]

/** Features that the whole cluster has switched on (KIP-584), each with its range of levels. */
export interface FinalizedFeatures {
  /** Rises with every change: the highest one is the newest. −1 where the broker does not know. */
  readonly epoch: bigint
  readonly levels: ReadonlyMap<string, readonly [min: number, max: number]>
}

/** What a broker said of itself. Kept per connection: brokers of one cluster may differ. */
export interface BrokerVersions {
  readonly versions: ReadonlyMap<number, readonly [min: number, max: number]>
  readonly finalizedFeatures: FinalizedFeatures
}

/** The highest version of a message that a broker and this client both speak. Throws UnsupportedVersionError. */
export function commonVersion(message: Message, versions: BrokerVersions['versions'], remote: string): number {
  const [ourMin, ourMax] = message.versions
  const theirs = versions.get(message.key)
  const version = theirs === undefined ? -1 : Math.min(ourMax, theirs[1])
  if (theirs !== undefined && version >= Math.max(ourMin, theirs[0])) return version
  const offer = theirs === undefined ? 'does not offer it' : `offers ${theirs[0]} to ${theirs[1]}`
  throw new UnsupportedVersionError(
    `${remote} and this client have no version of ${message.name} in common: we speak ${ourMin} to ${ourMax}, it ${offer}`,
  )
}

/** An answer to ApiVersions: what it says, or the lower version in which to ask again. */
export function readApiVersions(reader: Reader, asked: number, remote: string): BrokerVersions | number {
  const start = reader.offset
  const errorCode = reader.int16()
  reader.offset = start
  if (errorCode === unsupportedVersion && asked > 0) return lowerVersion(reader, asked)
  const answer = response.read(reader, asked)
  if (answer.errorCode !== 0) {
    const { name } = brokerErrorCode(answer.errorCode)
    throw new NetworkError('CONNECT_FAILED', `${remote} answered ${name} to ApiVersions v${asked}`)
  }
  return {
    versions: new Map(usable(answer).map(row => [row.apiKey, [row.minVersion, row.maxVersion]])),
    finalizedFeatures: {
      epoch: answer.finalizedFeaturesEpoch,
      levels: new Map(
        answer.finalizedFeatures.map(feature => [feature.name, [feature.minVersionLevel, feature.maxVersionLevel]]),
      ),
    },
  }
}

/** A refusal is written in v0, and since Kafka 2.4 says which versions of ApiVersions there are. Always lower than `asked`. */
function lowerVersion(reader: Reader, asked: number): number {
  try {
    const row = usable(response.read(reader, 0)).find(({ apiKey }) => apiKey === request.key)
    return row === undefined ? 0 : Math.max(0, Math.min(row.maxVersion, asked - 1))
  } catch (error) {
    if (error instanceof DecodeError) return 0
    throw error
  }
}

const usable = (answer: Body<typeof response>) => answer.apiKeys.filter(row => row.minVersion <= row.maxVersion)
