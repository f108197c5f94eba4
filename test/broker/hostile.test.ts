import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { startBroker } from '../../src/broker/index.ts'
import { apis, Writer, writeRequestHeader } from '../../src/wire/protocol/index.ts'
import { batchOf, produceBody, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

const rounds = 3000

/** Whole frames of requests as clients send them. */
function honestFrames(topicId: string): Buffer[] {
  const frame = (
    api: { readonly request: (typeof apis)[keyof typeof apis]['request'] },
    version: number,
    body: unknown,
  ) => {
    const { key: apiKey, flexibleFrom } = api.request
    const writer = new Writer()
    writer.int32(0)
    writeRequestHeader(
      writer,
      { apiKey, apiVersion: version, correlationId: 1, clientId: 'c' },
      version >= flexibleFrom,
    )
    api.request.write(writer, body as never, version)
    const bytes = Buffer.from(writer.written())
    bytes.writeInt32BE(bytes.length - 4)
    return bytes
  }
  const fetch = {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topic: 'orders', topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
  }
  const newTopic = {
    name: 'new',
    numPartitions: 2,
    replicationFactor: 1,
    configs: [{ name: 'retention.ms', value: '5' }],
  }
  const timestamps = [{ partitionIndex: 0, timestamp: 5n }]
  return [
    frame(apis.produce, 3, produceBody({ records: batchOf(['a', 'b']) })),
    frame(apis.produce, 9, produceBody({ records: sequenced(0, 3) })),
    frame(apis.produce, 13, produceBody({ topic: '', topicId, records: batchOf(['c'], { key: 'k' }) })),
    frame(apis.fetch, 4, fetch),
    frame(apis.fetch, 18, fetch),
    frame(apis.listOffsets, 7, { replicaId: -1, topics: [{ name: 'orders', partitions: timestamps }] }),
    frame(apis.metadata, 1, { topics: [{ name: 'orders' }] }),
    frame(apis.metadata, 13, { topics: [{ name: 'orders', topicId }] }),
    frame(apis.apiVersions, 3, { clientSoftwareName: 'c', clientSoftwareVersion: '1' }),
    frame(apis.createTopics, 7, { topics: [newTopic] }),
    frame(apis.deleteTopics, 6, { topics: [{ name: 'new' }], timeoutMs: 5 }),
    frame(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 5 }),
    frame(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] }),
    frame(apis.describeConfigs, 4, {
      resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: null }],
    }),
    frame(apis.describeCluster, 1, {}),
  ]
}

test(`${rounds} mutated requests: no crash, no warning, and honest clients are served all along`, async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  await using broker = await startBroker({
    topics: { orders: { partitions: 1 } },
    autoCreateTopics: false,
    requestLogSize: 100,
  })
  await using honest = await RawConnection.open(broker)
  const random = seededRandom(42)
  const below = (limit: number) => Math.floor(random() * limit)
  const frames = honestFrames(broker.topicId('orders'))
  const before = process.memoryUsage().rss
  let hostile = await RawConnection.open(broker)
  for (let round = 0; round < rounds; round++) {
    if (hostile.socket.destroyed || hostile.socket.readyState !== 'open') hostile = await RawConnection.open(broker)
    const bytes = Buffer.from(frames[below(frames.length)]!)
    for (let flips = 1 + below(4); flips > 0; flips--) bytes[4 + below(bytes.length - 4)] = below(256)
    // Now and then the length, or where the frame ends.
    if (below(20) === 0) bytes[below(4)] = below(256)
    hostile.socket.write(below(20) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes)
    if (round % 10 === 0) expect((await honest.call(apis.metadata, 9, { topics: [] })).brokers).toHaveLength(1)
    // What was cut off waits for the rest; the next connection begins anew.
    if (round % 50 === 0) {
      await hostile[Symbol.asyncDispose]()
      hostile = await RawConnection.open(broker)
    }
  }
  await hostile[Symbol.asyncDispose]()
  await expect.poll(() => broker.connections()).toBe(1)
  process.off('warning', note)
  expect(warnings).toEqual([])
  // Whatever was let through is a log that can be read to its end.
  for (const topic of broker.topics) expect(broker.records(topic).length).toBeGreaterThanOrEqual(0)
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024)
})
