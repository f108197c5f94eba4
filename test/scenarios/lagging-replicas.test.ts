import { expect, test } from 'vitest'
import { describeCluster } from '../../scripts/kafka/admin.mjs'
import { errorNumber } from '../../src/base/errors/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, type ProduceCall, produce, sequenced } from '../broker/produce-call.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'

/** One in-sync replica copies no more: a real one hangs, which its cluster notices only after some seconds. */
async function whileAReplicaLags(
  kafka: BrokerUnderTest,
  topic: string,
  replica: number,
  body: () => Promise<void>,
): Promise<void> {
  if (kafka.embedded) kafka.embedded.pauseReplication(topic)
  else kafka.cluster!.pauseNode(replica)
  try {
    await body()
  } finally {
    if (kafka.embedded) kafka.embedded.resumeReplication(topic)
    else kafka.cluster!.resumeNode(replica)
  }
}

describeOnEachBroker(
  'Lagging replicas',
  ({ kafka }) => {
    test('acks=all is answered REQUEST_TIMED_OUT, so is its retry, and nobody sees the records until the replica has them', async () => {
      const topic = await kafka.createTopic({ partitions: 1 })
      const { brokers, partitions } = await describeCluster(kafka.bootstrapServers, topic)
      const leader = brokers.find(({ id }) => id === partitions[0]!.leader)!
      const replica = brokers.find(({ id }) => id !== leader.id)!
      await using connection = await RawConnection.to(leader.host, leader.port)
      const send = async (records: Buffer, call: Partial<ProduceCall> = {}) => {
        const { errorCode, baseOffset } = await produce(connection, { topic, records, timeoutMs: 20_000, ...call })
        return { errorCode, baseOffset }
      }
      const latest = async () => {
        const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
        const answer = await connection.call(apis.listOffsets, 6, { replicaId: -1, topics })
        return answer.topics[0]!.partitions[0]!.offset
      }
      const read = async (fetchOffset: bigint) => {
        const asked = [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }]
        const answer = await connection.call(apis.fetch, 11, { maxWaitMs: 0, minBytes: 1, topics: asked })
        const { errorCode, highWatermark, records } = answer.responses[0]!.partitions[0]!
        return { errorCode, highWatermark, isEmpty: records!.length === 0 }
      }
      const timedOut = { errorCode: errorNumber('REQUEST_TIMED_OUT'), baseOffset: 1n }
      const hidden = { errorCode: 0, highWatermark: 1n, isEmpty: true }
      expect(await send(batchOf(['seen']))).toEqual({ errorCode: 0, baseOffset: 0n })

      await whileAReplicaLags(kafka, topic, replica.id, async () => {
        expect(await send(sequenced(0, 2), { timeoutMs: 500 })).toEqual(timedOut)
        expect(await send(sequenced(0, 2), { timeoutMs: 500 })).toEqual(timedOut)
        expect(await send(batchOf(['not waited for']), { acks: 1 })).toEqual({ errorCode: 0, baseOffset: 3n })
        expect(await latest()).toBe(1n)
        // Also where it is in the log: that is not out of range.
        for (const offset of [1n, 3n]) expect(await read(offset)).toEqual(hidden)
      })

      expect(await send(sequenced(0, 2))).toEqual({ errorCode: 0, baseOffset: 1n })
      await expect.poll(latest, { timeout: 20_000 }).toBe(4n)
      expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual([
        'seen',
        's0',
        's1',
        'not waited for',
      ])
      await kafka.cluster?.allInSync(topic)
    })
  },
  { stopsBrokers: true },
)
