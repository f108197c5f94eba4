import type { Producer, RecordMetadata } from '../../src/index.ts'

/** A record that every client can print: text throughout. */
export interface MixedRecord {
  readonly key: string
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}

/** The same, where a client found it. */
export interface FoundMixedRecord extends MixedRecord {
  readonly partition: number
  readonly offset: number
}

/** Keyed records with tombstones, values of many sizes and scripts, headers that repeat and that have no value. */
export function mixedRecords(count: number): MixedRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `key-${i % 97}`,
    value: i % 11 === 0 ? null : i % 13 === 0 ? '' : `${i}: Grüße, 東京 ${'x'.repeat(i % 300)}`,
    headers:
      i % 7 === 0
        ? []
        : [
            ['index', `${i}`],
            ['index', 'again'],
            ['no-value', null],
            ['empty', ''],
          ],
  }))
}

/** Sends all, every other one with a callback; gives their acknowledgements in the same order. Rejects with the first failure. */
export function sendBothWays(
  producer: Producer,
  topic: string,
  records: readonly MixedRecord[],
): Promise<RecordMetadata[]> {
  return Promise.all(
    records.map((record, i) => {
      if (i % 2 === 0) return producer.send({ topic, ...record })
      return new Promise<RecordMetadata>((resolve, reject) =>
        producer.send({ topic, ...record }, (error, metadata) => (metadata ? resolve(metadata) : reject(error))),
      )
    }),
  )
}

/**
 * What a client should find, partition by partition: each record where its acknowledgement says. Offsets are counted here
 * and not taken from the acknowledgements, so records that swapped their places or were written twice are seen.
 */
export function expectedByPartition(
  records: readonly MixedRecord[],
  acknowledged: readonly RecordMetadata[],
): FoundMixedRecord[] {
  const byPartition = new Map<number, FoundMixedRecord[]>()
  for (const [i, record] of records.entries()) {
    const { partition } = acknowledged[i]!
    const those = byPartition.get(partition) ?? []
    those.push({ ...record, partition, offset: those.length })
    byPartition.set(partition, those)
  }
  return [...byPartition].sort(([a], [b]) => a - b).flatMap(([, those]) => those)
}
