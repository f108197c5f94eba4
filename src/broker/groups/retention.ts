import type { ClassicGroup } from './group.ts'
import type { CommittedOffset, GroupOffsets } from './offsets.ts'

/** Kafka's `offsets.retention.minutes`. */
const offsetsRetentionMs = 7 * 24 * 60 * 60_000

/**
 * Deletes the offsets of a group that nobody has used for a week (KIP-211). True: nothing is left, and no transaction may add
 * anything. Source: OffsetMetadataManager.cleanupExpiredOffsets, ClassicGroup.offsetExpirationCondition.
 */
export function dropExpired(group: ClassicGroup, offsets: GroupOffsets, now: number): boolean {
  const all = offsets.of(group.groupId)
  const expired = all.filter(
    one => isExpired(group, one, now) && !offsets.hasPending(group.groupId, one.topic, one.partition),
  )
  offsets.delete(group.groupId, expired)
  return expired.length === all.length && !offsets.hasPending(group.groupId)
}

function isExpired(group: ClassicGroup, offset: CommittedOffset, now: number): boolean {
  const unusedSince = idleSince(group, offset)
  if (unusedSince === null) return false
  if (offset.expireTimestamp !== -1n) return now >= Number(offset.expireTimestamp)
  return now - unusedSince >= offsetsRetentionMs
}

/** From when on an offset counts as unused; null: it is in use. */
function idleSince(group: ClassicGroup, offset: CommittedOffset): number | null {
  const committed = Number(offset.commitTimestamp)
  if (group.protocolType === null) return committed
  if (group.is('Empty')) return group.changedAt ?? committed
  const unsubscribed = group.is('Stable') && group.knowsSubscriptions && !group.isSubscribedTo(offset.topic)
  return unsubscribed ? committed : null
}
