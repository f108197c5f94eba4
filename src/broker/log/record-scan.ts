import { Reader } from '../../wire/protocol/index.ts'
import { addTimestamp, readVarlong } from '../../wire/protocol/records/varint.ts'

/** What a topic demands of every record. */
export interface RecordDemands {
  readonly earliestTimestamp: number
  readonly latestTimestamp: number
  readonly keyRequired: boolean
}

export interface RecordProblem {
  readonly index: number
  readonly kind: 'timestamp' | 'null-key'
}

export interface RecordScan {
  /** The highest timestamp; −1 where no record has one. */
  readonly maxTimestamp: number
  readonly problems: readonly RecordProblem[]
}

/**
 * Looks at timestamps and keys of records that are known to be well formed, without decoding or allocating anything for
 * a record: this is the way of every record that is produced.
 */
export function scanRecords(
  records: Buffer,
  recordCount: number,
  baseTimestamp: number,
  demands: RecordDemands,
): RecordScan {
  const { earliestTimestamp, latestTimestamp, keyRequired } = demands
  const reader = new Reader(records)
  const problems: RecordProblem[] = []
  let maxTimestamp = -1
  for (let index = 0; index < recordCount; index++) {
    const end = reader.varint() + reader.offset
    reader.offset++ // attributes
    const timestamp = addTimestamp(baseTimestamp, readVarlong(reader))
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    // −1 is "no timestamp", which Kafka lets through.
    if ((timestamp < earliestTimestamp || timestamp > latestTimestamp) && timestamp !== -1)
      problems.push({ index, kind: 'timestamp' })
    if (keyRequired) {
      reader.varint() // offset delta
      if (reader.varint() < 0) problems.push({ index, kind: 'null-key' })
    }
    reader.offset = end
  }
  return { maxTimestamp, problems }
}
