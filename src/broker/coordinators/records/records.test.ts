import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../../wire/protocol/index.ts'
import { uuid } from '../../../wire/protocol/types.ts'
import {
  decodeConsumerOffsetsKey,
  decodeGroupValue,
  decodeOffsetValue,
  encodeOffsetKey,
  encodeOffsetValue,
  offsetCommitValue,
} from './consumer-offsets.ts'
import { decodeTransactionKey, decodeTransactionValue, encodeTransactionValue } from './transaction-state.ts'

const versionOf = (value: Buffer) => value.readInt16BE(0)
const hex = (text: string) => Buffer.from(text, 'hex')

describe('keys', () => {
  test('an offset key of before Kafka 0.9 is an offset key', () => {
    const key = encodeOffsetKey({ group: 'g', topic: 't', partition: 3 })
    key.writeInt16BE(0)
    expect(decodeConsumerOffsetsKey(key)).toEqual({ kind: 'offset', group: 'g', topic: 't', partition: 3 })
  })

  test('kinds that are not ours are told by their number', () => {
    expect(decodeConsumerOffsetsKey(hex('0003000167'))).toEqual({ kind: 'unknown', type: 3 })
    expect(decodeTransactionKey(hex('0001ffff'))).toEqual({ kind: 'unknown', type: 1 })
  })

  test.for(['', '00', '0001', '00010001', '0001000167000174000000', '000200016700'])('%s is refused', key => {
    expect(() => decodeConsumerOffsetsKey(hex(key))).toThrow(DecodeError)
  })
})

describe('the value of an offset', () => {
  const topicId = Buffer.alloc(16, 7).toString('base64url')
  const value = { offset: 42n, leaderEpoch: 5, metadata: 'm', commitTimestamp: 1_700_000_000_000n, topicId }

  test('is v4, with leader epoch and topic id', () => {
    const written = encodeOffsetValue(value)
    expect(versionOf(written)).toBe(4)
    expect(decodeOffsetValue(written)).toEqual({ ...value, expireTimestamp: -1n })
  })

  test('is v1 where the offset has an expiry of its own', () => {
    const written = encodeOffsetValue({ ...value, expireTimestamp: 1_700_000_009_000n })
    expect(versionOf(written)).toBe(1)
    expect(decodeOffsetValue(written)).toEqual({
      ...value,
      expireTimestamp: 1_700_000_009_000n,
      leaderEpoch: -1,
      topicId: uuid.zero,
    })
  })

  test.for([0, 1, 2, 3, 4])('of version %i is read', version => {
    const body = offsetCommitValue.encode(value, version)
    const prefix = Buffer.from([0, version])
    expect(decodeOffsetValue(Buffer.concat([prefix, body]))).toMatchObject({ offset: 42n, metadata: 'm' })
  })

  test('of a version that nobody knows is refused', () => {
    expect(() => decodeOffsetValue(hex('0005'))).toThrow('OffsetCommitValue has no version 5: 0 to 4 are known')
    expect(() => decodeOffsetValue(hex('ffff'))).toThrow(DecodeError)
    expect(() => decodeGroupValue(hex('0009'))).toThrow(DecodeError)
  })

  test('skips tagged fields of later releases', () => {
    const later = Buffer.concat([
      encodeOffsetValue({ ...value, topicId: uuid.zero }).subarray(0, -1),
      hex('01090261ff'),
    ])
    expect(decodeOffsetValue(later)).toEqual({ ...value, topicId: uuid.zero, expireTimestamp: -1n })
  })
})

describe('the value of a transaction', () => {
  const value = {
    producerId: 9n,
    previousProducerId: 8n,
    nextProducerId: 10n,
    producerEpoch: 3,
    nextProducerEpoch: 0,
    transactionTimeoutMs: 60_000,
    transactionStatus: 1,
    transactionPartitions: [{ topic: 't', partitionIds: [0, 2] }],
    transactionLastUpdateTimestampMs: 2n,
    transactionStartTimestampMs: 1n,
    clientTransactionVersion: 2,
  }

  test.for([1, 2])('is v1 under transaction.version %i, and keeps everything', transactionVersion => {
    const written = encodeTransactionValue(value, transactionVersion)
    expect(versionOf(written)).toBe(1)
    expect(decodeTransactionValue(written)).toEqual(value)
  })

  test('is v0 under transaction.version 0, without what KIP-890 added', () => {
    const written = encodeTransactionValue(value, 0)
    expect(versionOf(written)).toBe(0)
    expect(decodeTransactionValue(written)).toEqual({
      ...value,
      previousProducerId: -1n,
      nextProducerId: -1n,
      nextProducerEpoch: -1,
      clientTransactionVersion: 0,
    })
  })

  test.for([0, 2])('has no partitions while it is empty (transaction.version %i)', transactionVersion => {
    const written = encodeTransactionValue({ ...value, transactionPartitions: null }, transactionVersion)
    expect(decodeTransactionValue(written).transactionPartitions).toBeNull()
  })
})
