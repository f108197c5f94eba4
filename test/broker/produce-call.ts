import { apis, type Body } from '../../src/wire/protocol/index.ts'
import {
  type EncodeBatchOptions,
  encodeBatch,
  type RecordToEncode,
} from '../../src/wire/protocol/records/record-batch.ts'
import type { RawConnection } from './raw-connection.ts'

export type ProducePartition = Body<typeof apis.produce.response>['responses'][number]['partitionResponses'][number]

export interface ProduceCall {
  topic?: string
  topicId?: string
  partition?: number
  version?: number
  acks?: number
  timeoutMs?: number
  records: Buffer | null
}

export function produceBody({
  topic = 'orders',
  topicId,
  partition = 0,
  acks = -1,
  timeoutMs = 20_000,
  records,
}: ProduceCall) {
  const partitionData = [{ index: partition, records }]
  return { acks, timeoutMs, topicData: [{ name: topic, ...(topicId && { topicId }), partitionData }] }
}

/** Produces one batch to one partition and gives what was answered for it. */
export async function produce(connection: RawConnection, call: ProduceCall): Promise<ProducePartition> {
  const answer = await connection.call(apis.produce, call.version ?? 9, produceBody(call))
  return answer.responses[0]!.partitionResponses[0]!
}

/** A batch of records with the given values, all of the same time. */
export function batchOf(
  values: readonly string[],
  options: EncodeBatchOptions & { timestamp?: number; key?: string | null } = {},
): Buffer {
  const { timestamp = Date.now(), key = null, ...rest } = options
  const records: RecordToEncode[] = values.map(value => ({
    timestamp,
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from(value),
  }))
  return encodeBatch(records, rest)
}

/** A batch of `count` records of an idempotent producer. */
export function sequenced(baseSequence: number, count = 1, producerId = 7n, producerEpoch = 0): Buffer {
  const values = Array.from({ length: count }, (_, index) => `s${baseSequence + index}`)
  return batchOf(values, { producerId, producerEpoch, baseSequence })
}
