import type { Body, Draft } from '../../../wire/protocol/index.ts'
import { message } from '../../../wire/protocol/message.ts'
import { array, bytes, field, int32, int64, nullable, string, struct, uuid } from '../../../wire/protocol/types.ts'
import { decodeKey, decodeValue, encodeKey, encodeValue, keyType } from './typed-bytes.ts'

/** The key of a committed offset in `__consumer_offsets`. Source: OffsetCommitKey.json. */
export const offsetCommitKey = message({
  name: 'OffsetCommitKey',
  key: 1,
  versions: [0, 0],
  fields: {
    group: field(string, { to: 0 }),
    topic: field(string, { to: 0 }),
    partition: field(int32, { to: 0 }),
  },
})

/**
 * A committed offset. v1 expires at a time of its own (OffsetCommit v2 to v4); v3 leader epoch (KIP-320); v4 flexible, topic id
 * (KIP-848). Source: OffsetCommitValue.json.
 */
export const offsetCommitValue = message({
  name: 'OffsetCommitValue',
  key: 1,
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: field(int64),
    leaderEpoch: field(int32, { from: 3, default: -1 }),
    metadata: field(string),
    commitTimestamp: field(int64), // ms since 1970
    expireTimestamp: field(int64, { from: 1, to: 1, default: -1n }), // -1: when the broker's retention says so
    topicId: field(uuid, { from: 4, tag: 0, default: uuid.zero }),
  },
})

/** The key of a classic group in `__consumer_offsets`. Source: GroupMetadataKey.json. */
export const groupMetadataKey = message({
  name: 'GroupMetadataKey',
  key: 2,
  versions: [0, 0],
  fields: { group: field(string, { to: 0 }) },
})

/**
 * A classic group, written when a rebalance has ended. v1 rebalance timeouts; v2 time of the last change; v3 static members
 * (KIP-345); v4 flexible. Source: GroupMetadataValue.json.
 */
export const groupMetadataValue = message({
  name: 'GroupMetadataValue',
  key: 2,
  versions: [0, 4],
  flexible: 4,
  fields: {
    protocolType: field(string),
    generation: field(int32),
    protocol: field(nullable(string)), // null: the group is empty
    leader: field(nullable(string)),
    currentStateTimestamp: field(int64, { from: 2, default: -1n }), // ms since 1970
    members: field(
      array(
        struct('MemberMetadata', {
          memberId: field(string),
          groupInstanceId: field(nullable(string, 3), { from: 3, default: null }),
          clientId: field(string),
          clientHost: field(string),
          rebalanceTimeout: field(int32, { from: 1, default: -1 }), // ms
          sessionTimeout: field(int32), // ms
          subscription: field(bytes),
          assignment: field(bytes),
        }),
      ),
    ),
  },
})

/** OffsetCommitKey's number before Kafka 0.9, with the same fields. Source: LegacyOffsetCommitKey.json. */
const legacyOffsetKeyType = 0

export type ConsumerOffsetsKey =
  | ({ readonly kind: 'offset' } & Readonly<Body<typeof offsetCommitKey>>)
  | ({ readonly kind: 'group' } & Readonly<Body<typeof groupMetadataKey>>)
  | { readonly kind: 'unknown'; readonly type: number }

export const encodeOffsetKey = (key: Draft<typeof offsetCommitKey>): Buffer => encodeKey(offsetCommitKey, key)
export const encodeGroupKey = (key: Draft<typeof groupMetadataKey>): Buffer => encodeKey(groupMetadataKey, key)

/** What a key of `__consumer_offsets` is about. `unknown`: kinds of the new group protocols and of later releases, to be skipped. */
export function decodeConsumerOffsetsKey(bytes: Uint8Array): ConsumerOffsetsKey {
  const type = keyType(bytes)
  if (type === offsetCommitKey.key || type === legacyOffsetKeyType)
    return { kind: 'offset', ...decodeKey(offsetCommitKey, bytes) }
  if (type === groupMetadataKey.key) return { kind: 'group', ...decodeKey(groupMetadataKey, bytes) }
  return { kind: 'unknown', type }
}

/**
 * In the version that Kafka 4.3 writes: v1 where the offset has an expiry of its own, which then loses leader epoch and topic
 * id, else v4. Source: GroupCoordinatorRecordHelpers.offsetCommitValueVersion.
 */
export function encodeOffsetValue(value: Draft<typeof offsetCommitValue>): Buffer {
  return encodeValue(offsetCommitValue, value, (value.expireTimestamp ?? -1n) === -1n ? 4 : 1)
}

export const decodeOffsetValue = (bytes: Uint8Array): Body<typeof offsetCommitValue> =>
  decodeValue(offsetCommitValue, bytes)

/** In v3, as Kafka 4.3 writes it, so that brokers before 3.5 can read it (KIP-915). Source: GroupCoordinatorRecordHelpers. */
export const encodeGroupValue = (value: Draft<typeof groupMetadataValue>): Buffer =>
  encodeValue(groupMetadataValue, value, 3)

export const decodeGroupValue = (bytes: Uint8Array): Body<typeof groupMetadataValue> =>
  decodeValue(groupMetadataValue, bytes)
