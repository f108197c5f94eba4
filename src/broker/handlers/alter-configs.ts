import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { ClusterError } from '../cluster-error.ts'
import type { Topic } from '../topic.ts'
import { isTopicConfigName, topicConfigIsList, topicConfigProblem } from '../topic-config.ts'

const topicResource = 2

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

const targets = (body: { readonly resources: readonly Resource[] }) =>
  body.resources
    .filter(({ resourceType }) => resourceType === topicResource)
    .map(({ resourceName }) => ({ topic: resourceName }))

/** Replaces all that was set for a topic. Source: ConfigurationControlManager.legacyAlterConfigs. */
export const alterConfigsHandler = handler('AlterConfigs', apis.alterConfigs, {
  targets,
  handle: call => ({
    responses: call.body.resources.map(resource =>
      alter(call, resource, call.body.validateOnly, () => {
        const entries = new Map<string, string>()
        for (const { name, value } of resource.configs) setEntry(entries, name, value)
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
      alter(call, resource, call.body.validateOnly, topic => {
        const entries = new Map(topic.settings.entries())
        for (const { name, configOperation, value } of resource.configs)
          change(topic, entries, name, configOperation, value)
        return entries
      }),
    ),
  }),
})

function alter(
  call: Call<unknown>,
  { resourceType, resourceName }: Resource,
  validateOnly: boolean,
  entriesFor: (topic: Topic) => ReadonlyMap<string, string>,
) {
  const answer = (errorCode: number, errorMessage: string | null) => ({
    ...{ errorCode, errorMessage, resourceType, resourceName },
  })
  const injected = anyInjectedError(call, resourceName)
  if (injected) return answer(injected.code, injected.message)
  try {
    if (resourceType !== topicResource)
      throw new ClusterError('INVALID_REQUEST', 'The embedded broker takes configuration of topics only.')
    const topic = call.cluster.topic(resourceName)
    if (!topic) throw new ClusterError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resourceName}' does not exist.`)
    const entries = entriesFor(topic)
    if (!validateOnly) call.cluster.configureTopic(topic, entries)
    return answer(0, null)
  } catch (error) {
    if (error instanceof ClusterError) return answer(errorNumber(error.code), error.message)
    throw error
  }
}

const [set, remove, append, subtract] = [0, 1, 2, 3]

function change(topic: Topic, entries: Map<string, string>, name: string, operation: number, value: string | null) {
  if (operation === set) return setEntry(entries, name, value)
  if (operation === remove) {
    if (!isTopicConfigName(name)) throw new ClusterError('INVALID_CONFIG', `Unknown topic config name: ${name}`)
    entries.delete(name)
    return
  }
  if (operation !== append && operation !== subtract)
    throw new ClusterError('INVALID_REQUEST', `Unknown operation type ${operation}`)
  if (!isTopicConfigName(name) || !topicConfigIsList(name))
    throw new ClusterError('INVALID_CONFIG', `Can't append to or subtract from ${name}: it is not a list.`)
  const items = new Set((entries.get(name) ?? topic.settings.get(name)).split(',').filter(item => item !== ''))
  for (const item of (value ?? '').split(',').filter(one => one !== ''))
    if (operation === append) items.add(item)
    else items.delete(item)
  setEntry(entries, name, [...items].join(','))
}

function setEntry(entries: Map<string, string>, name: string, value: string | null): void {
  const problem = topicConfigProblem(name, value)
  if (problem) throw new ClusterError('INVALID_CONFIG', problem)
  entries.set(name, value!)
}
