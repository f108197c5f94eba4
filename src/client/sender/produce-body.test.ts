import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { produceRequest } from '../../wire/protocol/messages/produce.ts'
import { Batch } from '../accumulator/batch.ts'
import { PartitionQueue } from '../accumulator/partition-queue.ts'
import { produceBody } from './produce-body.ts'

const topicName = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-'),
  minLength: 1,
  maxLength: 249,
})
const uuidText = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('base64url'))
// On both sides of where batches are no longer copied, and of varint lengths.
const size = fc.oneof(fc.nat(300), fc.nat(20_000), fc.constantFrom(61, 126, 127, 128, 4095, 4096, 4097, 16_383, 16_384))
const topics = fc.uniqueArray(
  fc.record({
    name: topicName,
    id: uuidText,
    partitions: fc.uniqueArray(fc.record({ index: fc.nat(2 ** 31 - 1), size }), {
      selector: ({ index }) => index,
      minLength: 1,
      maxLength: 6,
    }),
  }),
  { selector: ({ name }) => name, maxLength: 5 },
)

function batchOf(topic: string, partition: number, bytes: number): Batch {
  const batch = new Batch(new PartitionQueue(topic, partition), undefined, 0, 0)
  batch.wire = randomBytes(bytes)
  return batch
}

test.each([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])('v%i: byte for byte what the table writes', version => {
  fc.assert(
    fc.property(
      topics,
      fc.constantFrom(-1, 0, 1),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 })),
      (given, acks, timeoutMs, transactionalId) => {
        const byTopic = given.map(({ name, id, partitions }) => ({
          ...{ name, id },
          batches: partitions.map(({ index, size: bytes }) => batchOf(name, index, bytes)),
        }))
        const ids = new Map(given.map(({ name, id }) => [name, id]))
        // Interleaved: the topics' batches come in the order of their turns.
        const batches = byTopic.flatMap(topic => topic.batches.slice(0, 1))
        batches.push(...byTopic.flatMap(topic => topic.batches.slice(1)))

        const body = produceBody(batches, version, transactionalId, acks, timeoutMs, topic =>
          Buffer.from(ids.get(topic)!, 'base64url'),
        )

        const byTable = produceRequest.encode(
          {
            transactionalId,
            acks,
            timeoutMs,
            topicData: byTopic.map(({ name, id, batches: own }) => ({
              name: version >= 13 ? '' : name,
              topicId: version >= 13 ? id : 'AAAAAAAAAAAAAAAAAAAAAA',
              partitionData: own.map(batch => ({ index: batch.partition, records: batch.wire! })),
            })),
          } as never,
          version,
        )
        const written = Buffer.concat(body.pieces)
        expect(written.equals(byTable)).toBe(true)
        expect(body.bytes).toBe(written.length)
      },
    ),
    { numRuns: 25 },
  )
})

test('a large batch is not copied', () => {
  const large = batchOf('t', 0, 5000)
  const { pieces } = produceBody([batchOf('t', 1, 100), large], 12, null, -1, 1000, () => new Uint8Array(16))
  expect(pieces.some(piece => piece.buffer === large.wire!.buffer)).toBe(true)
})
