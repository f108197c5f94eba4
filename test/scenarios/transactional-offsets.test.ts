import { expect, test } from 'vitest'
import { runTool } from '../../scripts/kafka/java.mjs'
import { createProducer, type TransactionalProducer } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { broken } from '../producer/broken.ts'

/** What `kafka-consumer-groups --describe` says of a group, by partition. */
async function describedOffsets(kafka: BrokerUnderTest, group: string): Promise<Record<string, number>> {
  const { embedded, bootstrapServers } = kafka
  if (embedded !== null) {
    const offsets = embedded.groups().find(({ groupId }) => groupId === group)?.offsets ?? []
    return Object.fromEntries(offsets.map(({ partition, offset }) => [partition, Number(offset)]))
  }
  const args = ['--bootstrap-server', bootstrapServers, '--describe', '--group', group]
  const lines = (await runTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', args))
    .toString()
    .split('\n')
  const rows = lines.map(line => line.trim().split(/\s+/)).filter(([name]) => name === group)
  return Object.fromEntries(rows.map(([, , partition = '', offset = '']) => [partition, Number(offset)]))
}

describeOnEachBroker(
  "a consumer's offsets in a transaction",
  ({ kafka }) => {
    async function start(): Promise<{ producer: TransactionalProducer; topic: string; group: string }> {
      const topic = await kafka.createTopic({ partitions: 2 })
      const producer = createProducer({
        bootstrapServers: kafka.bootstrapServers,
        transactionalId: `offsets-${topic}`,
      })
      await producer.transaction(tx => void tx.sendAll([0, 1].map(partition => ({ topic, partition, value: 'x' }))))
      return { producer, topic, group: `group-${topic}` }
    }

    test('are there when it is committed, and those of an aborted one never', async () => {
      const { producer, topic, group } = await start()
      const send = (offset: number) =>
        producer.sendOffsetsToTransaction(
          [0, 1].map(partition => ({ topic, partition, offset: offset + partition, metadata: 'mine' })),
          { groupId: group },
        )
      producer.beginTransaction()
      await send(1)
      producer.send({ topic, value: 'y' })
      await producer.commitTransaction()
      producer.beginTransaction()
      await send(5)
      await producer.abortTransaction()
      expect(await describedOffsets(kafka, group)).toEqual({ 0: 1, 1: 2 })
      await producer.close()
    })

    test('are refused where the member is not, or no longer, in its group (KIP-447); the next transaction is clean', async () => {
      const { producer, topic, group } = await start()
      const offsets = [{ topic, partition: 0, offset: 1 }]
      producer.beginTransaction()
      producer.send({ topic, value: 'never' })
      const sent = producer.sendOffsetsToTransaction(offsets, { groupId: group, generationId: 3, memberId: 'gone' })
      const refused = await broken(sent)
      if (kafka.version?.startsWith('2.')) {
        // Brokers before 2.5 cannot tell, and must not be told without being asked to check.
        expect(refused).toMatchObject({ code: 'UNSUPPORTED_VERSION', fatal: true })
        expect(refused.message).toMatch(/cannot check who commits for group .* \(KIP-447, Kafka 2\.5\)/)
        await producer.close()
        return
      }
      expect(refused).toMatchObject({ abortable: true, fatal: false })
      expect(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']).toContain(refused.code)
      expect(await broken(producer.commitTransaction())).toMatchObject({ code: refused.code, abortable: true })
      await producer.abortTransaction()
      await producer.transaction(tx => void tx.sendOffsets(offsets, { groupId: group }))
      expect(await describedOffsets(kafka, group)).toEqual({ 0: 1 })
      await producer.close()
    })
  },
  { oldestToo: true },
)
