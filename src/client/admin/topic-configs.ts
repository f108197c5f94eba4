import { BrokerError, brokerErrorCode, type KafkaError, NetworkError } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import type { BrokerCalls } from './broker-calls.ts'

/** Who has set a value. */
export type ConfigOrigin = 'topic' | 'broker' | 'default'

/** One setting of a topic. */
export interface TopicConfigEntry {
  readonly name: string
  /** null: there is none, or it is secret. */
  readonly value: string | null
  readonly origin: ConfigOrigin
  readonly isSensitive: boolean
}

const topicResource = 2
/** DescribeConfigsResponse.ConfigSource: 1 is the topic's own, 2 to 4 are set for brokers, 5 is the default. */
const topicSource = 1
const defaultSource = 5

/** The settings of each topic, or what the cluster has against telling them. */
export async function describeTopicConfigs(
  calls: BrokerCalls,
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly TopicConfigEntry[] | KafkaError>> {
  const attempts = calls.attempts()
  const resources = topics.map(resourceName => ({ resourceType: topicResource, resourceName, configurationKeys: null }))
  for (;;) {
    try {
      const timeoutMs = calls.timeoutOf(attempts)
      const { results } = await calls.cluster.request(apis.describeConfigs, { resources }, { timeoutMs })
      return new Map(results.map(result => [result.resourceName, entriesOf(result)]))
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error
      await attempts.again(error)
    }
  }
}

interface ConfigResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly configs: readonly {
    readonly name: string
    readonly value: string | null
    readonly configSource: number
    readonly isSensitive: boolean
  }[]
}

function entriesOf({ errorCode, errorMessage, configs }: ConfigResult): readonly TopicConfigEntry[] | KafkaError {
  if (errorCode !== 0) {
    const { name, code, retriable } = brokerErrorCode(errorCode)
    return new BrokerError(name, code, errorMessage ?? `the cluster answers ${name} to DescribeConfigs`, { retriable })
  }
  return configs.map(({ name, value, configSource, isSensitive }) => ({
    name,
    value,
    origin: configSource === topicSource ? 'topic' : configSource === defaultSource ? 'default' : 'broker',
    isSensitive,
  }))
}
