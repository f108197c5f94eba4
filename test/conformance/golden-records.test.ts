import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  decodeConsumerOffsetsKey,
  decodeGroupValue,
  decodeOffsetValue,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
} from '../../src/broker/coordinators/records/consumer-offsets.ts'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
} from '../../src/broker/coordinators/records/transaction-state.ts'

/**
 * Records of the internal topics of a Kafka 4.3.1 that scripts/kafka/UseEveryApi.java had used: keys and values as hexadecimal
 * digits, and what Kafka's DumpLogSegments says is in them.
 */
interface GoldenRecord {
  topic: string
  key: string
  value: string | null
  kafkaKey: { type: string; data: Record<string, unknown> }
  kafkaValue: { version: string; data: Record<string, unknown> } | null
}

const file = join(import.meta.dirname, 'golden-records/kafka-4.3.json')
const all = JSON.parse(readFileSync(file, 'utf8')) as GoldenRecord[]
const ofOffsets = all.filter(({ topic }) => topic === '__consumer_offsets')
const ofTransactions = all.filter(({ topic }) => topic === '__transaction_state')
const bytes = (hex: string | null) => Buffer.from(hex!, 'hex')

/** As Kafka's tool prints it: numbers for int64. Bytes become text, so that they can be told from other things. */
const printed = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, own) =>
      typeof own === 'bigint' ? Number(own) : own?.type === 'Buffer' ? Buffer.from(own.data).toString('base64') : own,
    ),
  )

const decodeValueOf = (record: GoldenRecord) =>
  record.topic === '__transaction_state'
    ? decodeTransactionValue(bytes(record.value))
    : record.kafkaKey.type === '1'
      ? decodeOffsetValue(bytes(record.value))
      : decodeGroupValue(bytes(record.value))

/** The broker that wrote them had `transaction.version` 1, then 2. */
function encodeAgain(record: GoldenRecord): Buffer {
  if (record.topic === '__transaction_state')
    return encodeTransactionValue(decodeTransactionValue(bytes(record.value)), 2)
  return record.kafkaKey.type === '1'
    ? encodeOffsetValue(decodeOffsetValue(bytes(record.value)))
    : encodeGroupValue(decodeGroupValue(bytes(record.value)))
}

const known = all.filter(({ topic, kafkaKey }) => topic === '__transaction_state' || Number(kafkaKey.type) <= 2)
const named = (records: GoldenRecord[]) =>
  records.map((record, index) => ({ record, index, topic: record.topic, type: record.kafkaKey.type }))

describe("records that Kafka's coordinators wrote", () => {
  test('there are offsets, groups, transactions, deletions and kinds that are not ours', () => {
    expect(new Set(ofOffsets.map(({ key }) => decodeConsumerOffsetsKey(bytes(key)).kind))).toEqual(
      new Set(['offset', 'group', 'unknown']),
    )
    expect(ofTransactions.length).toBeGreaterThan(10)
    expect(all.some(({ value }) => value === null)).toBe(true)
  })

  test.for(named(ofOffsets))('$topic, record $index: the key, type $type', ({ record: { key, kafkaKey } }) => {
    const { kind, ...decoded } = decodeConsumerOffsetsKey(bytes(key))
    if (kind === 'unknown') expect(decoded).toEqual({ type: Number(kafkaKey.type) })
    else {
      expect(decoded).toEqual(kafkaKey.data)
      expect({ offset: '1', group: '2' }[kind]).toBe(kafkaKey.type)
    }
    const again = {
      offset: () => encodeOffsetKey(kafkaKey.data as Parameters<typeof encodeOffsetKey>[0]),
      group: () => encodeGroupKey(kafkaKey.data as Parameters<typeof encodeGroupKey>[0]),
      unknown: () => bytes(key),
    }[kind]()
    expect(again.toString('hex')).toBe(key)
  })

  test.for(named(ofTransactions))('$topic, record $index: the key', ({ record: { key, kafkaKey } }) => {
    expect(decodeTransactionKey(bytes(key))).toEqual({ kind: 'transaction', ...kafkaKey.data })
    expect(encodeTransactionKey({ transactionalId: String(kafkaKey.data.transactionalId) }).toString('hex')).toBe(key)
  })

  test.for(named(known.filter(({ value }) => value !== null)))(
    '$topic, record $index: the value says what Kafka says, and is written as Kafka writes it',
    ({ record }) => {
      // Kafka's tool leaves out tagged fields that hold their default, and looks into what members said to each other.
      const { members, ...data } = record.kafkaValue!.data
      const opaque = { subscription: expect.any(String), assignment: expect.any(String) }
      expect(printed(decodeValueOf(record))).toMatchObject({
        ...data,
        ...(members !== undefined && { members: (members as object[]).map(member => ({ ...member, ...opaque })) }),
      })
      expect(encodeAgain(record).toString('hex')).toBe(record.value)
    },
  )
})
