import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { configSource, dynamicConfigNames, topicNameOf } from '../broker-config.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError, refusalOf } from '../cluster-error.ts'
import type { ClientTelemetry } from '../telemetry/client-telemetry.ts'
import {
  clientMetricsResource,
  telemetryConfig,
  telemetryConfigDefault,
  telemetryConfigIsList,
  telemetryConfigNames,
} from '../telemetry/telemetry-config.ts'
import { type TopicConfigName, topicConfigDefault, topicConfigNames, topicConfigType } from '../topic-config.ts'
import { once } from './repeats.ts'

type Request = Body<typeof apis.describeConfigs.request>
type Resource = Request['resources'][number]
type Result = Draft<typeof apis.describeConfigs.response>['results'][number]
type Entry = Result['configs'][number]

export const topicResource = 2
export const brokerResource = 4

/** Configuration of topics and brokers. Source: ConfigHelper.describeConfigs. */
export const describeConfigsHandler = handler('DescribeConfigs', apis.describeConfigs, {
  targets: body =>
    body.resources
      .filter(one => one.resourceType === topicResource)
      .map(({ resourceName }) => ({ topic: resourceName })),
  handle: call => ({ results: once(call.body.resources, keyOf).map(resource => describe(call, resource)) }),
})

const keyOf = ({ resourceType, resourceName }: Resource) => `${resourceType} ${resourceName}`

function describe(call: Call<Request>, resource: Resource): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  const answer = (errorCode: number, errorMessage: string | null, configs: Entry[]): Result => ({
    ...{ errorCode, errorMessage, resourceType, resourceName, configs },
  })
  const injected = anyInjectedError(call, resourceName)
  if (injected) return answer(injected.code, injected.message, [])
  try {
    const configs = entriesOf(call, resource).filter(({ name }) => configurationKeys?.includes(name) ?? true)
    return answer(0, null, call.body.includeSynonyms ? configs : configs.map(one => ({ ...one, synonyms: [] })))
  } catch (error) {
    const { errorCode, errorMessage } = refusalOf(error)
    return answer(errorCode, errorMessage, [])
  }
}

function entriesOf(call: Call<Request>, { resourceType, resourceName }: Resource): Entry[] {
  const { cluster } = call
  if (resourceType === topicResource) return topicEntries(cluster, resourceName)
  if (resourceType === clientMetricsResource && cluster.telemetry)
    return clientMetricsEntries(cluster.telemetry, resourceName)
  if (resourceType !== brokerResource)
    throw new ClusterError('INVALID_REQUEST', `Unsupported resource type: ${resourceType}`)
  if (resourceName === '') return defaultEntries(cluster)
  if (!/^-?\d+$/.test(resourceName))
    throw new ClusterError('INVALID_REQUEST', `Broker id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== call.brokerId)
    throw new ClusterError(
      'INVALID_REQUEST',
      `Unexpected broker id, expected ${call.brokerId} or empty string, but received ${resourceName}`,
    )
  return [...fixedEntries(cluster, call.brokerId), ...dynamicConfigNames.map(name => dynamicEntry(cluster, name))]
}

function topicEntries(cluster: Cluster, topicName: string): Entry[] {
  const topic = cluster.topic(topicName)
  if (!topic) throw new ClusterError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${topicName}' does not exist.`)
  const { settings } = topic
  return topicConfigNames.map(name => {
    const own = settings.source(name) === 1 ? [{ name, value: settings.get(name), source: 1 }] : []
    return entry(name, topicConfigType(name), false, [...own, ...brokerLevels(cluster, name)])
  })
}

/** Of a subscription that does not exist as well: what it would be by default. */
function clientMetricsEntries(telemetry: ClientTelemetry, subscription: string): Entry[] {
  const set = telemetryConfig(telemetry, subscription)
  return telemetryConfigNames.map(name => {
    const own = set.get(name)
    const levels = [
      ...(own === undefined ? [] : [{ name, value: own, source: configSource.clientMetrics }]),
      { name, value: telemetryConfigDefault(name), source: configSource.standard },
    ]
    return entry(name, telemetryConfigIsList(name) ? listType : intType, false, levels)
  })
}

/** The broker's levels of a topic configuration, by the broker's name for it. */
function brokerLevels(cluster: Cluster, topicName: TopicConfigName) {
  const name = dynamicConfigNames.find(one => topicNameOf(one) === topicName) ?? topicName
  return cluster.brokerConfig
    .levels(name, topicConfigDefault(topicName))
    .map(({ value, source }) => ({ name, value, source }))
}

function dynamicEntry(cluster: Cluster, name: string): Entry {
  const topicName = topicNameOf(name)!
  return entry(name, topicConfigType(topicName), false, brokerLevels(cluster, topicName))
}

/** Of all brokers together only what was set while they ran is shown. */
function defaultEntries(cluster: Cluster): Entry[] {
  return [...cluster.brokerConfig.entries('allBrokers')].map(([name, value]) => {
    const topicName = topicNameOf(name)
    const type = topicName ? topicConfigType(topicName) : stringType
    return entry(name, type, false, [{ name, value, source: configSource.allBrokers }])
  })
}

const [booleanType, stringType, intType, listType] = [1, 2, 3, 7]

/** What a broker was started with and keeps. */
function fixedEntries(cluster: Cluster, brokerId: number): Entry[] {
  const { settings, nodes } = cluster
  const node = cluster.node(brokerId)!
  const host = node.host.includes(':') ? `[${node.host}]` : node.host
  const listener = `PLAINTEXT://${host}:${node.port}`
  const fixed = (name: string, type: number, value: string): Entry =>
    entry(name, type, true, [{ name, value, source: configSource.file }])
  return [
    fixed('advertised.listeners', listType, listener),
    fixed('auto.create.topics.enable', booleanType, String(settings.autoCreateTopics)),
    fixed('broker.id', intType, String(brokerId)),
    fixed('default.replication.factor', intType, String(Math.min(3, nodes.length))),
    fixed('listeners', listType, listener),
    fixed('log.dirs', listType, settings.logDir),
    fixed('node.id', intType, String(brokerId)),
    fixed('num.partitions', intType, String(settings.numPartitions)),
    fixed('socket.request.max.bytes', intType, String(settings.maxRequestBytes)),
  ]
}

function entry(
  name: string,
  configType: number,
  readOnly: boolean,
  levels: readonly { name: string; value: string; source: number }[],
): Entry {
  const { value, source } = levels[0]!
  return {
    ...{ name, value, readOnly, configSource: source, isSensitive: false, configType, documentation: null },
    synonyms: [...levels],
  }
}
