import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import { createTopic, type TopicOptions } from '../../scripts/kafka/admin.mjs'
import { type Cluster, openClusterWhenReady, startCluster } from '../../scripts/kafka/cluster.mjs'
import { newestKafka, oldestKafka } from '../../scripts/kafka/versions.mjs'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { type DumpedBatch, type DumpedRecord, dumpLogs } from './dump-log.ts'
import { type FoundRecord, kcatIsInstalled, readWithConsoleConsumer, readWithKcat } from './read-back.ts'

/** A broker, or three, that a scenario runs on; filled in before its tests begin. */
export interface BrokerUnderTest {
  readonly kind: 'embedded' | 'kafka' | 'given'
  /** Kafka's release; undefined for the embedded broker, and for a cluster that was given. */
  readonly version: string | undefined
  readonly bootstrapServers: string
  /** Creates a topic under a name of its own, on three brokers with three replicas, and gives the name. */
  createTopic(options?: TopicOptions): Promise<string>
  /** All records of a topic, partition by partition, read by kcat, or where that is missing by Kafka's console consumer. */
  readBack(topic: string): Promise<FoundRecord[]>
  /** The batches of a partition, as DumpLogSegments or the embedded broker tell them; null on a given cluster, whose files are elsewhere. */
  batches(topic: string, partition?: number): Promise<readonly LoggedBatch[] | null>
  /** The same of several topics, topic by topic; as quick as of one. */
  batchesOfEach(topics: readonly string[], partition?: number): Promise<(readonly LoggedBatch[])[] | null>
  /** The embedded broker, for its faults; null on a real Kafka. */
  readonly embedded: Broker | null
  /** Real brokers that may be killed and started again; null on others. */
  readonly cluster: Cluster | null
}

/** What all of them can tell of a batch in the log. */
export type LoggedBatch = Pick<
  DumpedBatch,
  'baseOffset' | 'count' | 'baseSequence' | 'producerId' | 'producerEpoch' | 'codec' | 'size' | 'isValid'
> & { readonly records: readonly Pick<DumpedRecord, 'offset' | 'sequence' | 'value'>[] }

interface OpenedBroker {
  readonly version?: string
  readonly bootstrapServers: string
  readonly embedded?: Broker
  readonly cluster?: Cluster
  close(): Promise<void>
}

interface Candidate {
  readonly name: string
  readonly kind: BrokerUnderTest['kind']
  /** Why it cannot be used in this run. */
  readonly skipped?: string
  open(): Promise<OpenedBroker>
}

export interface WhichBrokers {
  /** Brokers of the embedded cluster; the real one always has three. Default 3. */
  readonly embeddedBrokers?: 1 | 3
  /** Also on the oldest Kafka that is supported, which takes three seconds to start. */
  readonly oldestToo?: boolean
  /** The scenario stops or kills brokers, so it cannot use a cluster that was given. */
  readonly stopsBrokers?: boolean
  /** Levels of `transaction.version` that the embedded broker has, one after the other. Default: 2, as a new cluster. */
  readonly embeddedTransactionVersions?: readonly TransactionVersion[]
  /** Real clusters of three, which take a quarter of a minute to start, besides the one that all scenarios share. */
  readonly clusters?: readonly { readonly version: string; readonly transactionVersion?: TransactionVersion }[]
}

export type TransactionVersion = 0 | 1 | 2

const closesNothing = async () => {}

/** The brokers that scenarios can run on, with those that are missing on this machine. */
export function brokersUnderTest({
  embeddedBrokers = 3,
  oldestToo = false,
  stopsBrokers = false,
  embeddedTransactionVersions = [2],
  clusters = [],
}: WhichBrokers = {}): Candidate[] {
  const kafka = inject('kafka')
  const embedded = embeddedTransactionVersions.map(
    (transactionVersion): Candidate => ({
      name: `the embedded broker${transactionVersion === 2 ? '' : `, transaction.version ${transactionVersion}`}`,
      kind: 'embedded',
      async open() {
        const broker = await startBroker({ brokers: embeddedBrokers, autoCreateTopics: false, transactionVersion })
        return { bootstrapServers: broker.bootstrapServers, embedded: broker, close: () => broker.close() }
      },
    }),
  )
  if (kafka.kind === 'given') {
    const given: Candidate = {
      name: `the Kafka at ${kafka.bootstrapServers}`,
      kind: 'given',
      ...(stopsBrokers && { skipped: 'the cluster was given, and its brokers are not stopped' }),
      open: async () => ({ bootstrapServers: kafka.bootstrapServers, close: closesNothing }),
    }
    return [...embedded, given]
  }
  const why = kafka.kind === 'none' ? { skipped: kafka.why } : {}
  const newest: Candidate = {
    name: `Kafka ${newestKafka}`,
    kind: 'kafka',
    ...why,
    async open() {
      const cluster = await openClusterWhenReady(kafka.kind === 'own' ? kafka.folder : '')
      for (const id of cluster.nodeIds) if (!cluster.isRunning(id)) await cluster.startNode(id) // an earlier file failed half-way
      return {
        version: newestKafka,
        bootstrapServers: cluster.bootstrapServers,
        cluster,
        close: closesNothing,
      }
    },
  }
  const oldest: Candidate = {
    name: `Kafka ${oldestKafka}`,
    kind: 'kafka',
    ...why,
    async open() {
      const cluster = await startCluster({ version: oldestKafka, autoCreateTopics: false, ownedByThisProcess: true })
      return {
        version: oldestKafka,
        bootstrapServers: cluster.bootstrapServers,
        cluster,
        close: () => cluster.down(),
      }
    },
  }
  const others = clusters.map(
    ({ version, transactionVersion }): Candidate => ({
      name: `Kafka ${version}${transactionVersion === undefined ? '' : `, transaction.version ${transactionVersion}`}`,
      kind: 'kafka',
      ...why,
      async open() {
        const cluster = await startCluster({ version, nodes: 3, autoCreateTopics: false, ownedByThisProcess: true })
        if (transactionVersion !== undefined) await cluster.setFeature('transaction.version', transactionVersion)
        return { version, bootstrapServers: cluster.bootstrapServers, cluster, close: () => cluster.down() }
      },
    }),
  )
  return [...embedded, newest, ...(oldestToo ? [oldest] : []), ...others]
}

/** Declares the same suite once for each broker; where one is missing its suite is reported as skipped. */
export function describeOnEachBroker(
  name: string,
  declare: (context: { kafka: BrokerUnderTest }) => void,
  which: WhichBrokers = {},
): void {
  for (const candidate of brokersUnderTest(which)) {
    const title = `${name}, on ${candidate.name}`
    if (candidate.skipped !== undefined) {
      if (which.stopsBrokers) process.stderr.write(`SKIPPED: ${title}: ${candidate.skipped}\n`)
      describe.skip(title, () => declare({ kafka: new LateBroker(candidate.kind) }))
      continue
    }
    describe(title, () => {
      const kafka = new LateBroker(candidate.kind)
      beforeAll(async () => {
        kafka.opened = await candidate.open()
      }, 15 * 60_000) // a new machine fetches the jars first
      afterAll(async () => {
        await kafka.opened?.close()
      })
      declare({ kafka })
    })
  }
}

class LateBroker implements BrokerUnderTest {
  readonly kind: BrokerUnderTest['kind']
  opened: OpenedBroker | undefined

  constructor(kind: BrokerUnderTest['kind']) {
    this.kind = kind
  }

  get version(): string | undefined {
    return this.#opened.version
  }

  get bootstrapServers(): string {
    return this.#opened.bootstrapServers
  }

  get embedded(): Broker | null {
    return this.#opened.embedded ?? null
  }

  get cluster(): Cluster | null {
    return this.#opened.cluster ?? null
  }

  async createTopic(options: TopicOptions = {}): Promise<string> {
    const name = `ottla-${randomUUID().slice(0, 13)}`
    await createTopic(this.bootstrapServers, name, options)
    return name
  }

  async readBack(topic: string): Promise<FoundRecord[]> {
    if (kcatIsInstalled) return readWithKcat(this.bootstrapServers, topic)
    if (!this.embedded) return readWithConsoleConsumer(this.bootstrapServers, topic)
    return embeddedRecords(this.embedded, topic)
  }

  async batches(topic: string, partition = 0): Promise<readonly LoggedBatch[] | null> {
    return (await this.batchesOfEach([topic], partition))?.[0] ?? null
  }

  async batchesOfEach(topics: readonly string[], partition = 0): Promise<(readonly LoggedBatch[])[] | null> {
    const { embedded, cluster } = this
    if (embedded) return topics.map(topic => embeddedBatches(embedded, topic, partition))
    return cluster && dumpLogs(cluster, topics, partition)
  }

  get #opened(): OpenedBroker {
    if (!this.opened) throw new Error('the broker is there only while tests run')
    return this.opened
  }
}

/** Without kcat only the embedded broker itself can tell what it has. */
function embeddedRecords(broker: Broker, topic: string): FoundRecord[] {
  const appendTime = broker.batches(topic, 0).some(({ timestampType }) => timestampType === 'log-append-time')
  const timestampType = appendTime ? 'append' : 'create'
  return broker.records(topic).map(({ partition, offset, timestamp, key, value, headers }) => {
    return { partition, offset: Number(offset), timestamp, timestampType, key, value, headers }
  })
}

const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

function embeddedBatches(broker: Broker, topic: string, partition: number): LoggedBatch[] {
  const records = broker.records(topic, partition).map(({ offset, sequence, value }) => {
    return { offset: Number(offset), sequence, value: value?.toString() }
  })
  return broker.batches(topic, partition).map(batch => {
    const { recordCount: count, baseSequence, producerId, producerEpoch, codec, sizeInBytes: size } = batch
    const baseOffset = Number(batch.baseOffset)
    return {
      ...{ baseOffset, count, baseSequence, producerId, producerEpoch, size },
      codec: codecNames[codec] ?? `codec ${codec}`,
      isValid: true, // it appends no batch with a wrong CRC
      records: records.filter(({ offset }) => offset >= baseOffset && offset < baseOffset + count),
    }
  })
}
