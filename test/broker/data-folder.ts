import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Broker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { computeBatchCrc, endOfBatch, readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { RawConnection } from './raw-connection.ts'

/** A folder of its own for a test, gone when the test is. */
export function dataFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'ottla-storage-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A batch as a consumer got it, of which the test has looked at every byte. */
export interface FetchedBatch {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly bytes: Buffer
}

/** All batches of a partition, fetched from its start to its high watermark, as a consumer does. Throws for a wrong CRC or order. */
export async function fetchAll(
  broker: Broker,
  topic: string,
  partition = 0,
  fetchBytes = 4096,
): Promise<FetchedBatch[]> {
  await using connection = await RawConnection.open(broker)
  const found: FetchedBatch[] = []
  const { startOffset, highWatermark } = broker.partition(topic, partition)
  for (let fetchOffset = startOffset; fetchOffset < highWatermark; ) {
    const asked = { partition, fetchOffset, partitionMaxBytes: fetchBytes, logStartOffset: -1n }
    const answer = await connection.call(apis.fetch, 11, {
      ...{ replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 30, isolationLevel: 0 },
      topics: [{ topic, partitions: [asked] }],
    })
    const { errorCode, records } = answer.responses[0]!.partitions[0]!
    if (errorCode !== 0) throw new Error(`fetch from ${fetchOffset} was answered with error ${errorCode}`)
    const batches = splitBatches(Buffer.from(records ?? []))
    if (batches.length === 0) return found
    for (const batch of batches) {
      if (batch.lastOffset < fetchOffset)
        throw new Error(`offset ${batch.baseOffset} where ${fetchOffset} was asked for`)
      fetchOffset = batch.lastOffset + 1n
      found.push(batch)
    }
  }
  return found
}

function splitBatches(bytes: Buffer): FetchedBatch[] {
  const found: FetchedBatch[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = endOfBatch(bytes, at)
    const { baseOffset, lastOffsetDelta, crc } = readBatchHeader(bytes, at)
    if (computeBatchCrc(bytes, at) !== crc) throw new Error(`the batch at offset ${baseOffset} has a wrong CRC`)
    found.push({ baseOffset, lastOffset: baseOffset + BigInt(lastOffsetDelta), bytes: bytes.subarray(at, end) })
    at = end
  }
  return found
}
