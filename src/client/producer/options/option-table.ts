import type { PartitionerName } from '../../partitioners/partitioner.ts'
import { serializerNames } from '../../record/serializers.ts'
import type { ProducerOptions } from '../options.ts'
import {
  acks,
  boolean,
  bootstrapServers,
  int32,
  int64,
  interceptors,
  nonEmptyString,
  type OptionKind,
  oneOf,
  only,
  protocolString,
  wholeNumber,
  wordOrCode,
} from './option-kinds.ts'

export type OptionName = keyof ProducerOptions

/** What is known of an option, except its meaning, which stands at its place in `ProducerOptions`. */
export interface OptionRow {
  /** Kafka's name; left out where the option is ottla's own. */
  readonly kafkaName?: string
  readonly kind: OptionKind
  /** In its resolved form. Left out where there is none; `defaultText` tells why. */
  readonly default?: unknown
  readonly defaultText?: string
  readonly unit?: 'milliseconds' | 'bytes'
  /** Why it is not as in Java. */
  readonly differs?: string
}

/** Upper bound of a batch where none is given; Kafka's own 16 KiB starve a fast producer. */
export const defaultBatchSize = 131072

const ms = 'milliseconds'
const bytes = 'bytes'
const serializer = wordOrCode(serializerNames, ['serialize'])
const notYet = 'is not spoken by this version yet; it speaks PLAINTEXT'
const socketBuffer = only(-1, int32(-1), 'cannot be set from Node; use -1 and the settings of the operating system')

/** All options that are taken, in the order of the docs. Source: ProducerConfig.java of Kafka 4.3.1. */
export const optionTable: Readonly<Record<OptionName, OptionRow>> = {
  bootstrapServers: { kafkaName: 'bootstrap.servers', kind: bootstrapServers, defaultText: 'none, required' },
  clientId: {
    kafkaName: 'client.id',
    kind: protocolString,
    defaultText: '`producer-<n>`, counted from 1 in this process',
  },
  clientDnsLookup: {
    kafkaName: 'client.dns.lookup',
    kind: oneOf(['use_all_dns_ips'], {
      notYet: {
        resolve_canonical_bootstrap_servers_only:
          'serves Kerberos, which this version does not speak yet; use use_all_dns_ips',
      },
    }),
    default: 'use_all_dns_ips',
  },
  securityProtocol: {
    kafkaName: 'security.protocol',
    kind: oneOf(['PLAINTEXT'], {
      anyCase: true,
      notYet: { SSL: notYet, SASL_PLAINTEXT: notYet, SASL_SSL: notYet },
    }),
    default: 'PLAINTEXT',
  },

  acks: { kafkaName: 'acks', kind: acks, default: -1, defaultText: 'all' },
  enableIdempotence: {
    kafkaName: 'enable.idempotence',
    kind: boolean,
    default: true,
    differs: 'Java switches it off in silence where `acks` or `retries` rule it out; here that is an error.',
  },
  retries: { kafkaName: 'retries', kind: int32(0), default: 2147483647 },
  maxInFlightRequestsPerConnection: {
    kafkaName: 'max.in.flight.requests.per.connection',
    kind: int32(1),
    default: 5,
  },
  deliveryTimeoutMs: { kafkaName: 'delivery.timeout.ms', kind: int32(0), default: 120000, unit: ms },
  requestTimeoutMs: { kafkaName: 'request.timeout.ms', kind: int32(0), default: 30000, unit: ms },

  transactionalId: { kafkaName: 'transactional.id', kind: nonEmptyString, defaultText: 'none: no transactions' },
  transactionTimeoutMs: {
    kafkaName: 'transaction.timeout.ms',
    kind: int32(1),
    default: 60000,
    unit: ms,
    differs:
      'Java lets a record be awaited for longer than its transaction lives; here `deliveryTimeoutMs` is at most `transactionTimeoutMs`, and whichever of the two was not given follows the other.',
  },

  lingerMs: {
    kafkaName: 'linger.ms',
    kind: int64(0),
    default: 5,
    unit: ms,
    differs: 'Java waits even when its broker is idle; so that an awaited send costs one round trip, ottla does not.',
  },
  lingerWhenIdle: { kind: boolean, default: false },
  batchSize: {
    kafkaName: 'batch.size',
    kind: int32(0),
    default: defaultBatchSize,
    unit: bytes,
    differs: 'Java has 16384, which starves a fast producer, and reserves it for each partition.',
  },
  bufferMemory: {
    kafkaName: 'buffer.memory',
    kind: int64(0),
    default: 33554432,
    unit: bytes,
    differs: 'Counts the overhead of records as well as their bytes.',
  },
  maxBlockMs: {
    kafkaName: 'max.block.ms',
    kind: int64(0),
    default: 60000,
    unit: ms,
    differs: 'The wait is asynchronous: `send` never blocks the event loop.',
  },
  maxRequestSize: { kafkaName: 'max.request.size', kind: int32(0), default: 1048576, unit: bytes },

  compressionType: {
    kafkaName: 'compression.type',
    kind: oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd']),
    default: 'none',
  },
  compressionGzipLevel: { kafkaName: 'compression.gzip.level', kind: wholeNumber(1, 9, -1), default: -1 },
  compressionLz4Level: { kafkaName: 'compression.lz4.level', kind: wholeNumber(1, 17), default: 9 },
  compressionZstdLevel: { kafkaName: 'compression.zstd.level', kind: wholeNumber(-131072, 22), default: 3 },

  partitioner: {
    kind: wordOrCode(['murmur2', 'roundRobin', 'random', 'crc32'] satisfies PartitionerName[]),
    default: 'murmur2',
    differs: "Stands in place of `partitioner.class`; `fromProperties` translates Kafka's own classes.",
  },
  partitionerAdaptivePartitioningEnable: {
    kafkaName: 'partitioner.adaptive.partitioning.enable',
    kind: boolean,
    default: true,
  },
  partitionerAvailabilityTimeoutMs: {
    kafkaName: 'partitioner.availability.timeout.ms',
    kind: int64(0),
    default: 0,
    unit: ms,
  },
  partitionerIgnoreKeys: { kafkaName: 'partitioner.ignore.keys', kind: boolean, default: false },
  keySerializer: {
    kafkaName: 'key.serializer',
    kind: serializer,
    defaultText: 'none: strings become UTF-8, bytes stay as they are',
    differs: "Names and code instead of class names; `fromProperties` translates Kafka's own classes.",
  },
  valueSerializer: {
    kafkaName: 'value.serializer',
    kind: serializer,
    defaultText: 'none: strings become UTF-8, bytes stay as they are',
    differs: "Names and code instead of class names; `fromProperties` translates Kafka's own classes.",
  },
  interceptors: {
    kind: interceptors,
    default: Object.freeze([]),
    defaultText: 'none',
    differs: 'Stands in place of `interceptor.classes`.',
  },

  retryBackoffMs: { kafkaName: 'retry.backoff.ms', kind: int64(0), default: 100, unit: ms },
  retryBackoffMaxMs: { kafkaName: 'retry.backoff.max.ms', kind: int64(0), default: 1000, unit: ms },
  reconnectBackoffMs: { kafkaName: 'reconnect.backoff.ms', kind: int64(0), default: 50, unit: ms },
  reconnectBackoffMaxMs: { kafkaName: 'reconnect.backoff.max.ms', kind: int64(0), default: 1000, unit: ms },
  socketConnectionSetupTimeoutMs: {
    kafkaName: 'socket.connection.setup.timeout.ms',
    kind: int64(1),
    default: 10000,
    unit: ms,
  },
  socketConnectionSetupTimeoutMaxMs: {
    kafkaName: 'socket.connection.setup.timeout.max.ms',
    kind: int64(1),
    default: 30000,
    unit: ms,
  },
  connectionsMaxIdleMs: { kafkaName: 'connections.max.idle.ms', kind: int64(-1), default: 540000, unit: ms },
  sendBufferBytes: {
    kafkaName: 'send.buffer.bytes',
    kind: socketBuffer,
    default: -1,
    unit: bytes,
    differs: 'Node cannot set it.',
  },
  receiveBufferBytes: {
    kafkaName: 'receive.buffer.bytes',
    kind: socketBuffer,
    default: -1,
    unit: bytes,
    differs: 'Node cannot set it.',
  },

  metadataMaxAgeMs: { kafkaName: 'metadata.max.age.ms', kind: int64(0), default: 300000, unit: ms },
  metadataMaxIdleMs: { kafkaName: 'metadata.max.idle.ms', kind: int64(5000), default: 300000, unit: ms },
  metadataRecoveryStrategy: {
    kafkaName: 'metadata.recovery.strategy',
    kind: oneOf(['rebootstrap', 'none'], { anyCase: true }),
    default: 'rebootstrap',
  },
  metadataRecoveryRebootstrapTriggerMs: {
    kafkaName: 'metadata.recovery.rebootstrap.trigger.ms',
    kind: int64(0),
    default: 300000,
    unit: ms,
  },

  flushOnExit: { kind: boolean, default: false },
  flushOnExitTimeoutMs: { kind: int32(0), default: 10000, unit: ms },

  enableMetricsPush: {
    kafkaName: 'enable.metrics.push',
    kind: boolean,
    default: true,
  },
  metricsNumSamples: { kafkaName: 'metrics.num.samples', kind: int32(1), default: 2 },
  metricsSampleWindowMs: { kafkaName: 'metrics.sample.window.ms', kind: int64(0), default: 30000, unit: ms },
  metricsRecordingLevel: {
    kafkaName: 'metrics.recording.level',
    kind: oneOf(['INFO', 'DEBUG', 'TRACE']),
    default: 'INFO',
  },
}

export const optionNames = Object.keys(optionTable) as readonly OptionName[]
