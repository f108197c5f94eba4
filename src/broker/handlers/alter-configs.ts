import { apis } from '../../wire/protocol/index.ts'
import { brokerConfigProblem, topicNameOf } from '../broker-config.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError, refusalOf } from '../cluster-error.ts'
import type { ClientTelemetry } from '../telemetry/client-telemetry.ts'
import {
  clientMetricsResource,
  isTelemetryConfigName,
  setTelemetryConfig,
  telemetryConfig,
  telemetryConfigDefault,
  telemetryConfigIsList,
} from '../telemetry/telemetry-config.ts'
import { isTopicConfigName, topicConfigDefault, topicConfigIsList, topicConfigProblem } from '../topic-config.ts'
import { brokerResource, topicResource } from './describe-configs.ts'

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

/** What can be configured: its rules, and where the entries are. */
interface Configured {
  entries(): ReadonlyMap<string, string>
  replace(entries: ReadonlyMap<string, string>): void
  check(name: string, value: string | null): void
  knows(name: string): boolean
  /** The items of a list, where the configuration is one. */
  list(name: string): string | null
}

const targets = (body: { readonly resources: readonly Resource[] }) =>
  body.resources
    .filter(({ resourceType }) => resourceType === topicResource)
    .map(({ resourceName }) => ({ topic: resourceName }))

/** Replaces all that was set. Source: ConfigurationControlManager.legacyAlterConfigs. */
export const alterConfigsHandler = handler('AlterConfigs', apis.alterConfigs, {
  targets,
  handle: call => ({
    responses: call.body.resources.map(resource =>
      alter(call, resource, call.body.validateOnly, configured => {
        const entries = new Map<string, string>()
        for (const { name, value } of resource.configs) setEntry(configured, entries, name, value)
        return entries
      }),
    ),
  }),
})

/** Changes entries one by one. Source: ConfigurationControlManager.incrementalAlterConfigs. */
export const incrementalAlterConfigsHandler = handler('IncrementalAlterConfigs', apis.incrementalAlterConfigs, {
  targets,
  handle: call => ({
    responses: call.body.resources.map(resource =>
      alter(call, resource, call.body.validateOnly, configured => {
        const entries = new Map(configured.entries())
        for (const { name, configOperation, value } of resource.configs)
          change(configured, entries, name, configOperation, value)
        return entries
      }),
    ),
  }),
})

function alter(
  call: Call<unknown>,
  { resourceType, resourceName }: Resource,
  validateOnly: boolean,
  entriesFor: (configured: Configured) => ReadonlyMap<string, string>,
) {
  const answer = (errorCode: number, errorMessage: string | null) => ({
    ...{ errorCode, errorMessage, resourceType, resourceName },
  })
  const injected = anyInjectedError(call, resourceName)
  if (injected) return answer(injected.code, injected.message)
  try {
    const configured = find(call, resourceType, resourceName)
    const entries = entriesFor(configured)
    if (!validateOnly) configured.replace(entries)
    return answer(0, null)
  } catch (error) {
    const { errorCode, errorMessage } = refusalOf(error)
    return answer(errorCode, errorMessage)
  }
}

function find({ cluster, brokerId }: Call<unknown>, type: number, name: string): Configured {
  if (type === topicResource) return topicConfig(cluster, name)
  if (type === clientMetricsResource && cluster.telemetry) return clientMetricsConfig(cluster.telemetry, name)
  if (type !== brokerResource) throw new ClusterError('INVALID_REQUEST', `Unknown resource type ${type}`)
  if (name === '') return brokerConfig(cluster, 'allBrokers')
  if (!/^-?\d+$/.test(name)) throw new ClusterError('INVALID_REQUEST', `Node id must be an integer, but it is: ${name}`)
  if (Number(name) !== brokerId)
    throw new ClusterError('INVALID_REQUEST', `Unexpected broker id, expected ${brokerId}, but received ${name}`)
  if (cluster.size > 1)
    throw new ClusterError(
      'INVALID_REQUEST',
      'The brokers of an embedded cluster share their configuration: set it for all.',
    )
  return brokerConfig(cluster, 'broker')
}

function topicConfig(cluster: Cluster, topicName: string): Configured {
  const topic = cluster.topic(topicName)
  if (!topic) throw new ClusterError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${topicName}' does not exist.`)
  return {
    entries: () => topic.settings.entries(),
    replace: entries => cluster.configureTopic(topic, entries),
    check(name, value) {
      const problem = topicConfigProblem(name, value)
      if (problem) throw new ClusterError('INVALID_CONFIG', problem)
    },
    knows: isTopicConfigName,
    list: name => (isTopicConfigName(name) && topicConfigIsList(name) ? topic.settings.get(name) : null),
  }
}

/** A subscription to metrics of clients, where the broker takes them: `kafka-client-metrics` sets it so. */
function clientMetricsConfig(telemetry: ClientTelemetry, subscription: string): Configured {
  return {
    entries: () => telemetryConfig(telemetry, subscription),
    replace: entries => setTelemetryConfig(telemetry, subscription, entries),
    check(name, value) {
      if (!isTelemetryConfigName(name))
        throw new ClusterError('INVALID_CONFIG', `Unknown client metrics configuration: ${name}`)
      if (value === null) throw new ClusterError('INVALID_CONFIG', `Null value not supported for ${name}`)
    },
    knows: isTelemetryConfigName,
    list: name =>
      isTelemetryConfigName(name) && telemetryConfigIsList(name)
        ? (telemetryConfig(telemetry, subscription).get(name) ?? telemetryConfigDefault(name))
        : null,
  }
}

function brokerConfig(cluster: Cluster, scope: 'broker' | 'allBrokers'): Configured {
  return {
    entries: () => cluster.brokerConfig.entries(scope),
    replace: entries => cluster.configureBrokers(scope, entries),
    check(name, value) {
      const problem = value === null ? `Null value not supported for ${name}` : brokerConfigProblem(name, value)
      if (problem) throw new ClusterError('INVALID_REQUEST', problem)
    },
    // What it does not know can have been set all the same, for a plug-in.
    knows: () => true,
    list(name) {
      const topicName = topicNameOf(name)
      if (!topicName || !topicConfigIsList(topicName)) return null
      return cluster.brokerConfig.levels(name, topicConfigDefault(topicName))[0]!.value
    },
  }
}

const [set, remove, append, subtract] = [0, 1, 2, 3]

function change(
  configured: Configured,
  entries: Map<string, string>,
  name: string,
  operation: number,
  value: string | null,
): void {
  if (operation === set) {
    setEntry(configured, entries, name, value)
    return
  }
  if (operation === remove) {
    if (!configured.knows(name)) throw new ClusterError('INVALID_CONFIG', `Unknown topic config name: ${name}`)
    entries.delete(name)
    return
  }
  if (operation !== append && operation !== subtract)
    throw new ClusterError('INVALID_REQUEST', `Unknown operation type ${operation}`)
  const list = configured.list(name)
  if (list === null)
    throw new ClusterError('INVALID_CONFIG', `Can't append to or subtract from ${name}: it is not a list.`)
  const items = new Set((entries.get(name) ?? list).split(',').filter(item => item !== ''))
  for (const item of (value ?? '').split(',').filter(one => one !== ''))
    if (operation === append) items.add(item)
    else items.delete(item)
  setEntry(configured, entries, name, [...items].join(','))
}

function setEntry(configured: Configured, entries: Map<string, string>, name: string, value: string | null): void {
  configured.check(name, value)
  entries.set(name, value!)
}
