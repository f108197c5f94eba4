import { expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { dumpLog } from '../kafka/dump-log.ts'
import { committedValues } from '../transactions/committed.ts'

// What lies in the log, as Kafka's own DumpLogSegments reads it: the bit of transactional batches, epochs, and the markers.
describeOnEachBroker(
  'the log of transactions',
  ({ kafka }) => {
    test('batches are marked, each transaction ends with its marker, and epochs tell them apart', async () => {
      const topic = await kafka.createTopic({ partitions: 1 })
      const { bootstrapServers } = kafka
      await using producer = createProducer({
        bootstrapServers,
        transactionalId: `log-${topic}`,
        compressionType: 'lz4',
      })
      await producer.initTransactions()
      for (const [value, isCommit] of [
        ['a', true],
        ['dropped', false],
        ['b', true],
      ] as const) {
        producer.beginTransaction()
        await producer.send({ topic, value })
        await producer.send({ topic, value: `${value}${value}` })
        await (isCommit ? producer.commitTransaction() : producer.abortTransaction())
      }
      expect(await committedValues(bootstrapServers, topic)).toEqual(['a', 'aa', 'b', 'bb'])
      if (kafka.cluster === null) return

      const batches = await dumpLog(kafka.cluster, topic)
      expect(batches.map(({ isValid, isTransactional }) => isValid && isTransactional)).toEqual(Array(9).fill(true))
      expect(batches.flatMap(({ records }) => records.map(({ marker }) => marker ?? 'record'))).toEqual(
        ['COMMIT', 'ABORT', 'COMMIT'].flatMap(marker => ['record', 'record', marker]),
      )
      const written = batches.filter(({ isControl }) => !isControl)
      // Since transaction.version 2 an epoch is one transaction; before, sequences go on.
      const isNew = kafka.version?.startsWith('4') === true
      const first = written[0]!.producerEpoch
      expect(written.map(({ producerEpoch, baseSequence }) => [producerEpoch - first, baseSequence])).toEqual(
        isNew
          ? [
              [0, 0],
              [0, 1],
              [1, 0],
              [1, 1],
              [2, 0],
              [2, 1],
            ]
          : [0, 1, 2, 3, 4, 5].map(sequence => [0, sequence]),
      )
    })
  },
  { oldestToo: true },
)
