import type { OptionName } from './option-table.ts'

interface Translation {
  readonly options: readonly OptionName[]
  readonly value: string
}

const serializers: Readonly<Record<string, string>> = {
  StringSerializer: 'string',
  ByteArraySerializer: 'bytes',
  BytesSerializer: 'bytes',
  ByteBufferSerializer: 'bytes',
  IntegerSerializer: 'int32',
  LongSerializer: 'int64',
  DoubleSerializer: 'double',
  UUIDSerializer: 'uuid',
}

/** Kafka's own Java classes that have a counterpart here. Source: package org.apache.kafka.common.serialization of Kafka 4.3. */
export const classNames: ReadonlyMap<string, Translation> = new Map<string, Translation>([
  ...Object.entries(serializers).map(([name, value]): [string, Translation] => [
    `org.apache.kafka.common.serialization.${name}`,
    { options: ['keySerializer', 'valueSerializer'], value },
  ]),
  ['org.apache.kafka.clients.producer.RoundRobinPartitioner', { options: ['partitioner'], value: 'roundRobin' }],
  // Gone since Kafka 4.0; what it did is the default now.
  ['org.apache.kafka.clients.producer.internals.DefaultPartitioner', { options: ['partitioner'], value: 'murmur2' }],
])
