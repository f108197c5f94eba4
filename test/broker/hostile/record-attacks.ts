import type { Random } from '../../../src/base/random.ts'
import { loadCodecSync } from '../../../src/wire/compression/index.ts'
import { Writer } from '../../../src/wire/protocol/index.ts'
import * as layout from '../../../src/wire/protocol/records/batch-layout.ts'
import { computeBatchCrc, encodeBatch } from '../../../src/wire/protocol/records/record-batch.ts'
import { sizeOfVarint } from '../../../src/wire/protocol/records/varint.ts'
import { oneOf, upTo } from './choice.ts'

const codecNames = ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** Records of a producer, plain, idempotent or transactional; now and then nothing, or two batches where one may be. */
export function plausibleRecords(
  random: Random,
  producer: { producerId: bigint; producerEpoch: number } | undefined,
): Buffer | null {
  const kind = upTo(random, 20)
  if (kind === 0) return null
  if (kind === 1) return Buffer.alloc(0)
  const batch = () => {
    const records = Array.from({ length: 1 + upTo(random, 4) }, (_, index) => ({
      timestamp: 1_700_000_000_000 + index,
      key: Buffer.from(`key ${upTo(random, 5)}`),
      value: Buffer.alloc(upTo(random, 200), 'v'),
      headers: random() < 0.2 ? ([['h', Buffer.from('x')]] as const) : [],
    }))
    const identity =
      producer && random() < 0.5
        ? { producerId: producer.producerId, producerEpoch: producer.producerEpoch, baseSequence: upTo(random, 3) }
        : {}
    return encodeBatch(records, {
      ...identity,
      transactional: random() < 0.2,
      control: random() < 0.02,
      codec: loadCodecSync(oneOf(random, codecNames)),
    })
  }
  return kind === 2 ? Buffer.concat([batch(), batch()]) : batch()
}

const headerFields = [
  { at: layout.baseOffsetAt, size: 8 },
  { at: layout.batchLengthAt, size: 4 },
  { at: layout.magicAt, size: 1 },
  { at: layout.attributesAt, size: 2 },
  { at: layout.lastOffsetDeltaAt, size: 4 },
  { at: layout.baseTimestampAt, size: 8 },
  { at: layout.maxTimestampAt, size: 8 },
  { at: layout.producerIdAt, size: 8 },
  { at: layout.producerEpochAt, size: 2 },
  { at: layout.baseSequenceAt, size: 4 },
  { at: layout.recordCountAt, size: 4 },
] as const

const values = [0n, 1n, -1n, 2n, 7n, 0x7fn, 0x7fffn, 0x7fff_ffffn, -0x8000_0000n, 2n ** 63n - 1n, -(2n ** 63n)]

/** A batch that is broken inside and has a right CRC, so that it is not refused for that. */
export function breakBatch(original: Buffer, random: Random, size: 'small' | 'any'): Buffer {
  if (original.length <= layout.batchHeaderSize) return original
  if (size === 'any' && random() < 0.03) return oneOf(random, bombs())
  let batch = Buffer.from(original)
  for (let changes = 1 + upTo(random, 2); changes > 0; changes--) {
    const kind = upTo(random, 4)
    if (kind < 2) {
      const { at, size } = oneOf(random, headerFields)
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(oneOf(random, values))
      bytes.copy(batch, at, 8 - size)
    } else if (kind === 2) {
      const at = layout.batchHeaderSize + upTo(random, batch.length - layout.batchHeaderSize)
      batch[at] = oneOf(random, [0, 1, 0x7f, 0x80, 0xff, upTo(random, 256)])
    } else {
      const end = layout.batchHeaderSize + upTo(random, batch.length - layout.batchHeaderSize + 1)
      batch = Buffer.from(batch.subarray(0, end))
      batch.writeInt32BE(batch.length - layout.logOverhead, layout.batchLengthAt)
    }
  }
  const hasItsLength = batch.readInt32BE(layout.batchLengthAt) === batch.length - layout.logOverhead
  if (hasItsLength) batch.writeUInt32BE(computeBatchCrc(batch, 0), layout.crcAt)
  return batch
}

let made: readonly Buffer[] | undefined

/** Small batches that unpack to much: one record of many bytes, bytes that are no records, and as many records as fit. */
function bombs(): readonly Buffer[] {
  made ??= (['gzip', 'snappy', 'lz4', 'zstd'] as const).flatMap(name => [
    packed(name, oneRecord(2 ** 22), 1),
    packed(name, Buffer.alloc(2 ** 22), 1),
    packed(name, tinyRecords(100_000), 100_000),
  ])
  return made
}

/** Records without key, value and headers. */
export function tinyRecords(count: number): Buffer {
  const writer = new Writer(count * 10)
  for (let index = 0; index < count; index++) {
    writer.varint(5 + sizeOfVarint(index))
    writer.raw(Buffer.from([0, 0])) // attributes, time
    writer.varint(index)
    writer.raw(Buffer.from([1, 1, 0])) // no key, no value, no headers
  }
  return writer.written()
}

function oneRecord(size: number): Buffer {
  return encodeBatch([{ timestamp: 1_700_000_000_000, value: Buffer.alloc(size) }]).subarray(layout.batchHeaderSize)
}

/** What is given, as the records of a batch that says to have so many. */
export function packed(name: 'gzip' | 'snappy' | 'lz4' | 'zstd', plain: Buffer, recordCount: number): Buffer {
  const { id, compress } = loadCodecSync(name)
  const codec = { id, compress: () => compress(plain) }
  const batch = encodeBatch([{ timestamp: 1_700_000_000_000, value: Buffer.alloc(1) }], { codec })
  batch.writeInt32BE(recordCount, layout.recordCountAt)
  batch.writeInt32BE(recordCount - 1, layout.lastOffsetDeltaAt)
  batch.writeUInt32BE(computeBatchCrc(batch, 0), layout.crcAt)
  return batch
}
