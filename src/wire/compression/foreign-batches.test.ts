import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeRecords, readBatchHeader, validateBatch } from '../protocol/records/record-batch.ts'
import { type Codec, codecById } from './index.ts'
import { makeZstd } from './zstd.ts'

/**
 * Segment files of Apache Kafka 4.3.1, one batch each: twelve records written by kcat 1.7.1 (librdkafka) and by Kafka's
 * own console producer, once with every codec.
 */
const batches: Record<string, string> = JSON.parse(
  readFileSync(new URL('./foreign-batches.json', import.meta.url), 'utf8'),
)

const ids: Record<string, number> = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 }

test.each(Object.keys(batches))('a batch of %s is read', name => {
  const [writer, codecName] = name.split(' ')
  const bytes = Buffer.from(batches[name]!, 'base64')
  const codecs: (Codec | undefined)[] = [codecById(ids[codecName!]!), ...(codecName === 'zstd' ? [makeZstd({})] : [])]
  for (const codec of codecs) {
    const decompress = (_id: number, compressed: Buffer) => codec!.decompress(compressed, 100_000)

    expect(validateBatch(bytes, 0, { maxMessageBytes: 1000, decompress })).toMatchObject({ ok: true })
    expect(readBatchHeader(bytes, 0)).toMatchObject({
      baseOffset: 0n,
      sizeInBytes: bytes.length,
      recordCount: 12,
      lastOffsetDelta: 11,
      attributes: { codec: ids[codecName!], timestampType: 'create-time', transactional: false, control: false },
    })
    const records = decodeRecords(bytes, 0, decompress)
    expect(records.map(record => [record.offsetDelta, String(record.key), String(record.value)])).toEqual(
      Array.from({ length: 12 }, (_, i) => [i, `key-${i + 1}`, `the quick brown fox jumps over the lazy dog ${i + 1}`]),
    )
    const headers = writer === 'kcat' ? [['origin', Buffer.from('kcat')]] : []
    for (const record of records) {
      expect(record.headers).toEqual(headers)
      expect(new Date(record.timestamp).getUTCFullYear()).toBe(2026)
    }
  }
})
