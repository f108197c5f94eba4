import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { describeCluster } from '../../scripts/kafka/admin.mjs'
import { createProducer } from '../../src/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { type FoundRecord, kcatIsInstalled, readWithKcat } from '../kafka/read-back.ts'
import { installMock, type RunningMock, startMock } from './librdkafka-mock.ts'
import { expectedByPartition, type FoundMixedRecord, mixedRecords, sendBothWays } from './mixed-records.ts'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const records = mixedRecords(5_000)

let mock: RunningMock | undefined
let missing: string | undefined

beforeAll(async () => {
  const installed = await installMock()
  if ('missing' in installed) {
    missing = installed.missing
    process.stderr.write(`SKIPPED: nothing was tried on librdkafka's mock cluster: ${missing}\n`)
    return
  }
  mock = await startMock(installed)
  if (!kcatIsInstalled)
    process.stderr.write("SKIPPED: nothing was read back from librdkafka's mock cluster: kcat is not installed\n")
}, 10 * 60_000)

afterAll(async () => {
  await mock?.[Symbol.asyncDispose]()
})

/** The cluster; without one the test is skipped. */
function clusterFor(context: TestContext): string {
  return mock?.bootstrapServers ?? context.skip(`no mock cluster: ${missing}`)
}

function asText({ partition, offset, key, value, headers }: FoundRecord): FoundMixedRecord {
  const text = (bytes: Buffer | null) => bytes?.toString() ?? null
  return {
    ...{ partition, offset, key: text(key) ?? 'no key', value: text(value) },
    headers: headers.map(([name, header]) => [name, text(header)]),
  }
}

/** The header of the first batch in partition 0, as the mock stored it. */
async function firstBatch(bootstrapServers: string, topic: string) {
  const { brokers, partitions } = await describeCluster(bootstrapServers, topic)
  const leader = brokers.find(({ id }) => id === partitions[0]!.leader)!
  await using connection = await RawConnection.to(leader.host, leader.port)
  const asked = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }
  const body = { maxWaitMs: 1_000, minBytes: 1, topics: [{ topic, partitions: [asked] }] }
  const answer = await connection.call(apis.fetch, 4, body)
  return readBatchHeader(answer.responses[0]!.partitions[0]!.records as Buffer, 0)
}

/** A broker for librdkafka's own tests, written by people who wrote neither Kafka's nor ours. */
describe("librdkafka's mock cluster", () => {
  test('speaks older versions than ours', async context => {
    const [host, port] = clusterFor(context).split(',')[0]!.split(':')
    await using connection = await RawConnection.to(host!, Number(port))

    const { apiKeys } = await connection.call(apis.apiVersions, 0, {})

    const newest = new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
    const { apiVersions, produce, metadata } = apis
    expect([apiVersions, produce, metadata].map(api => newest.get(api.request.key))).toEqual([2, 10, 12])
    expect(apiVersions.request.versions[1]).toBeGreaterThan(2)
    expect(produce.request.versions[1]).toBeGreaterThan(10)
  })

  test('tells its partitions', async context => {
    await using producer = createProducer({ bootstrapServers: clusterFor(context) })
    await producer.connect()

    const partitions = await producer.partitionsFor('asked-for')

    expect(partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3])
    for (const { leader, replicas, inSyncReplicas } of partitions) {
      expect(replicas).toEqual([1, 2, 3])
      expect(inSyncReplicas).toEqual([1, 2, 3])
      expect(replicas).toContain(leader)
    }
  })

  test.for(codecs)('takes 5,000 records with idempotence and %s, each once and in order', async (codec, context) => {
    const bootstrapServers = clusterFor(context)
    const topic = `with-${codec}`
    const options = { bootstrapServers, compressionType: codec, enableIdempotence: true, acks: 'all' } as const
    await using producer = createProducer(options)

    const acknowledged = await sendBothWays(producer, topic, records)

    const expected = expectedByPartition(records, acknowledged)
    expect(new Set(expected.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2, 3]))
    const places = acknowledged.map(({ partition, offset }) => `${partition}/${offset}`)
    expect(places.toSorted()).toEqual(expected.map(({ partition, offset }) => `${partition}/${offset}`).toSorted())
    expect(await firstBatch(bootstrapServers, topic)).toMatchObject({
      attributes: { codec: codecs.indexOf(codec) },
      baseSequence: 0,
    })
    if (!kcatIsInstalled) return
    expect((await readWithKcat(bootstrapServers, topic)).map(asText)).toEqual(expected)
  })

  test('takes records without idempotence, and without acknowledgements', async context => {
    const bootstrapServers = clusterFor(context)
    await using one = createProducer({ bootstrapServers, enableIdempotence: false, acks: 1 })
    await using none = createProducer({ bootstrapServers, enableIdempotence: false, acks: 0 })
    const few = records.slice(0, 500)

    const acknowledged = await sendBothWays(one, 'acks-1', few)
    await sendBothWays(none, 'acks-0', few)

    if (!kcatIsInstalled) return
    const expected = expectedByPartition(few, acknowledged)
    expect((await readWithKcat(bootstrapServers, 'acks-1')).map(asText)).toEqual(expected)
    // The records of acks 0 are on their way, no more; they arrive in the same places.
    const arrived = async () => (await readWithKcat(bootstrapServers, 'acks-0')).map(asText)
    await expect.poll(arrived, { timeout: 20_000, interval: 100 }).toEqual(expected)
  })
})
