/** Questions to the cluster about topics, and orders to its controller: for the commands of `ottla`, not a public API. */

export { BrokerCalls, type BrokerCallsOptions } from './broker-calls.ts'
export type { TopicResult } from './controller-work.ts'
export {
  earliest,
  type IsolationLevel,
  isolationNumber,
  latest,
  listOffsets,
  type OffsetAnswer,
} from './list-offsets.ts'
export { describeTopicConfigs, type TopicConfigEntry } from './topic-configs.ts'
export {
  createTopics,
  deleteTopics,
  describeTopics,
  listTopics,
  type NewTopic,
  type TopicDescription,
} from './topics.ts'
