import { decodeRecords, encodeBatch, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { decompress } from '../decompress.ts'

/** The end of a transaction, as the coordinator has it written to each partition of it. */
export interface TransactionMarker {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly committed: boolean
  readonly coordinatorEpoch: number
}

const abortType = 0
const commitType = 1

/** A control batch with one record. Source: EndTransactionMarker.java, ControlRecordType.java. */
export function encodeMarker(
  { producerId, producerEpoch, committed, coordinatorEpoch }: TransactionMarker,
  at: { readonly baseOffset: bigint; readonly leaderEpoch: number; readonly timestamp: number },
): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(0, 0) // version
  key.writeInt16BE(committed ? commitType : abortType, 2)
  const value = Buffer.alloc(6)
  value.writeInt16BE(0, 0) // version
  value.writeInt32BE(coordinatorEpoch, 2)
  return encodeBatch([{ timestamp: at.timestamp, key, value }], {
    baseOffset: at.baseOffset,
    partitionLeaderEpoch: at.leaderEpoch,
    producerId,
    producerEpoch,
    transactional: true,
    control: true,
  })
}

/** Whether the key of a control record ends a transaction by committing it; null where it ends none. */
export function markerCommits(key: Buffer): boolean | null {
  const type = key.length < 4 ? -1 : key.readInt16BE(2)
  return type === commitType ? true : type === abortType ? false : null
}

/** What a control batch says; null for control records that end no transaction, as KRaft writes them. */
export function readMarker(batch: Buffer): TransactionMarker | null {
  const [record] = decodeRecords(batch, 0, decompress)
  if (!record?.key) return null
  const committed = markerCommits(record.key)
  if (committed === null) return null
  const { producerId, producerEpoch } = readBatchHeader(batch, 0)
  const coordinatorEpoch = record.value && record.value.length >= 6 ? record.value.readInt32BE(2) : -1
  return { producerId, producerEpoch, committed, coordinatorEpoch }
}
