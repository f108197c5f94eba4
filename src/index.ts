export * from './base/errors/index.ts'
export type { Histogram } from './client/metrics/histogram.ts'
export type {
  BrokerMetricName,
  HistogramName,
  MetricType,
  MetricUnit,
  ProducerMetricName,
  TopicMetricName,
} from './client/metrics/metric-table.ts'
export type {
  HistogramMetric,
  Metric,
  NumberMetric,
  OutcomeCount,
  ProducerMetrics,
  RetryCount,
} from './client/metrics/producer-metrics.ts'
export type {
  BatchMessage,
  ChannelMessages,
  ConnectionMessage,
  ErrorMessage,
  IdentityMessage,
  LeaderMessage,
  MetadataMessage,
  RequestBatch,
  RequestMessage,
  RetryMessage,
  SendMessage,
  ThrottleMessage,
  TracedRecord,
  TransactionMessage,
} from './client/observer/channels.ts'
export type { LevelLogger, LineLogger, LogFields, Logger, LogLevel } from './client/observer/logger.ts'
export type { PartitionerContext, PartitionerFunction, PartitionerName } from './client/partitioners/partitioner.ts'
export { createProducer, type TransactionalProducerOptions } from './client/producer/create-producer.ts'
export { logSendResults, type SendResultLogOptions } from './client/producer/log-send-results.ts'
export type { ProducerInterceptor, ProducerOptions, SentRecord } from './client/producer/options.ts'
export { fromProperties } from './client/producer/properties.ts'
export { SendAllError, type SendResult } from './client/producer/send-all.ts'
export type {
  ConsumedOffset,
  ConsumerGroupMetadata,
  Transaction,
  TransactionalProducer,
} from './client/producer/transactions.ts'
export type {
  AnyTopic,
  Future,
  PartitionInfo,
  Producer,
  ProducerEvents,
  ProducerState,
  RecordOf,
  SendCallback,
  SendOptions,
  TopicTypes,
  Undelivered,
  WaitOptions,
  WritableOptions,
} from './client/producer/types.ts'
export type { HeaderPair } from './client/record/headers.ts'
export type { Bytes, Headers, HeaderValue, ProducerRecord } from './client/record/record.ts'
export type { RecordMetadata } from './client/record/record-metadata.ts'
export type {
  Serialized,
  Serializer,
  SerializerContext,
  SerializerFunction,
  SerializerInput,
  SerializerName,
} from './client/record/serializers.ts'
