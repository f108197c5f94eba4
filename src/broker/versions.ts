import { apis } from '../wire/protocol/index.ts'
import type { KafkaApiName } from './api-names.ts'

export type VersionRange = readonly [min: number, max: number]
/** The versions of each API that a broker speaks; what is not in it is not spoken. */
export type VersionRanges = ReadonlyMap<KafkaApiName, VersionRange>

/** Highest versions per API; null: the API does not exist. */
export type MaxVersions = { readonly [Api in KafkaApiName]?: number | null }

/** The versions of Kafka that the broker can look like. */
export const kafkaVersions = ['2.1', '2.8', '3.9', '4.3'] as const
export type KafkaVersion = (typeof kafkaVersions)[number]

/** Where a release spoke less than our tables do. Source: `common/message/*Request.json` (ApiKeys' schemas in 2.1) of each release. */
const releases: Record<KafkaVersion, MaxVersions> = {
  '2.1': {
    Produce: 7,
    Fetch: 10,
    ListOffsets: 4,
    Metadata: 7,
    FindCoordinator: 2,
    SaslHandshake: 1,
    ApiVersions: 2,
    CreateTopics: 3,
    DeleteTopics: 3,
    InitProducerId: 1,
    DescribeConfigs: 2,
    SaslAuthenticate: 0,
    DescribeCluster: null,
  },
  '2.8': {
    Produce: 9,
    Fetch: 12,
    ListOffsets: 6,
    Metadata: 11,
    FindCoordinator: 3,
    ApiVersions: 3,
    InitProducerId: 4,
    DescribeCluster: 0,
  },
  '3.9': { Produce: 11, Fetch: 17, ListOffsets: 9, Metadata: 12, ApiVersions: 4, DescribeCluster: 1 },
  '4.3': {},
}

/** What a broker speaks: all that is handled, no higher than the release and the caller's own limits. */
export function versionRanges(
  handled: Iterable<KafkaApiName>,
  release: KafkaVersion = '4.3',
  limits: MaxVersions = {},
): VersionRanges {
  const ranges = new Map<KafkaApiName, VersionRange>()
  for (const name of handled) {
    const [min, ours] = apiOf(name).request.versions
    const bounds = [releases[release][name], limits[name]]
    if (bounds.includes(null)) continue
    const max = Math.min(ours, ...bounds.filter(bound => bound != null))
    if (max >= min) ranges.set(name, [min, max])
  }
  return ranges
}

/** The table of an API by Kafka's name. */
export function apiOf(name: KafkaApiName): (typeof apis)[keyof typeof apis] {
  return apis[`${name[0]!.toLowerCase()}${name.slice(1)}` as keyof typeof apis]
}
