import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { brokerConfig } from '../broker-config.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { topicConfigNames, topicConfigType } from '../topic-config.ts'

type Resource = Body<typeof apis.describeConfigs.request>['resources'][number]
type Result = Draft<typeof apis.describeConfigs.response>['results'][number]

const topicResource = 2
const brokerResource = 4

/** Configuration of topics, and of the broker that is asked. Source: ConfigHelper.describeConfigs. */
export const describeConfigsHandler = handler('DescribeConfigs', apis.describeConfigs, {
  targets: body =>
    body.resources
      .filter(one => one.resourceType === topicResource)
      .map(({ resourceName }) => ({ topic: resourceName })),
  handle: call => ({ results: call.body.resources.map(resource => describe(call, resource)) }),
})

function describe(call: Call<Body<typeof apis.describeConfigs.request>>, resource: Resource): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  const fail = (code: number, errorMessage: string | null): Result => ({
    ...{ errorCode: code, errorMessage, resourceType, resourceName, configs: [] },
  })
  const injected = anyInjectedError(call, resourceName)
  if (injected) return fail(injected.code, injected.message)
  if (resourceType === brokerResource) return describeBroker(call, resource, fail)
  if (resourceType !== topicResource)
    return fail(errorNumber('INVALID_REQUEST'), `Unsupported resource type: ${resourceType}`)
  const topic = call.cluster.topic(resourceName)
  if (!topic) return fail(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'), null)
  const { settings } = topic
  const configs = topicConfigNames
    .filter(name => configurationKeys === null || configurationKeys.includes(name))
    .map(name => {
      const value = settings.get(name)
      const source = settings.source(name)
      return {
        name,
        value,
        readOnly: false,
        configSource: source,
        isSensitive: false,
        synonyms: call.body.includeSynonyms ? [{ name, value, source }] : [],
        configType: topicConfigType(name),
        documentation: null,
      }
    })
  return { errorCode: 0, errorMessage: null, resourceType, resourceName, configs }
}

/** Asks for what was set for all brokers, where the name is empty; and that is nothing here. */
function describeBroker(
  call: Call<Body<typeof apis.describeConfigs.request>>,
  { resourceType, resourceName, configurationKeys }: Resource,
  fail: (code: number, errorMessage: string | null) => Result,
): Result {
  if (resourceName === '') return fail(0, null)
  if (!/^-?\d{1,10}$/.test(resourceName))
    return fail(errorNumber('INVALID_REQUEST'), `Broker id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== call.brokerId) {
    const expected = `Unexpected broker id, expected ${call.brokerId} or empty string, but received ${resourceName}`
    return fail(errorNumber('INVALID_REQUEST'), expected)
  }
  const configs = brokerConfig(call.brokerId, call.cluster.settings)
    .filter(({ name }) => configurationKeys === null || configurationKeys.includes(name))
    .map(({ name, value, source, type }) => ({
      name,
      value,
      readOnly: true,
      configSource: source,
      isSensitive: false,
      synonyms: call.body.includeSynonyms ? [{ name, value, source }] : [],
      configType: type,
      documentation: null,
    }))
  return { errorCode: 0, errorMessage: null, resourceType, resourceName, configs }
}
