import { KafkaError } from '../../base/errors/index.ts'
import type { CheckedOffsets } from '../exactly-once/transaction-requests.ts'
import type { ConsumedOffset, ConsumerGroupMetadata } from './transactions.ts'

/** @throws KafkaError `INVALID_GROUP_ID` or `INVALID_OFFSETS` for what no broker could take */
export function checkedOffsets(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): CheckedOffsets {
  const given = (group ?? {}) as Partial<ConsumerGroupMetadata>
  const { groupId, generationId = -1, memberId = '', groupInstanceId = null } = given
  if (typeof groupId !== 'string' || groupId === '') throw wrongGroup('the offsets need a group: { groupId: … }')
  if (!Number.isInteger(generationId) || typeof memberId !== 'string')
    throw wrongGroup(`generationId and memberId of group ${groupId} must be a whole number and a string`)
  if (groupInstanceId !== null && typeof groupInstanceId !== 'string')
    throw wrongGroup(`groupInstanceId of group ${groupId} must be a string or null`)
  if (generationId > 0 && memberId === '')
    throw wrongGroup(
      `generation ${generationId} of group ${groupId} is checked together with a memberId, which is missing`,
    )
  if (typeof (offsets as Iterable<unknown> | null | undefined)?.[Symbol.iterator] !== 'function')
    throw new KafkaError('INVALID_OFFSETS', 'offsets are an array of { topic, partition, offset }')
  return {
    group: { groupId, generationId, memberId, groupInstanceId },
    offsets: [...offsets].map(({ topic, partition, offset, leaderEpoch = -1, metadata = null }) => {
      const where = `${topic}-${partition}`
      if (typeof topic !== 'string' || !Number.isInteger(partition) || partition < 0)
        throw new KafkaError('INVALID_OFFSETS', `${where} is no partition`)
      if (!Number.isInteger(leaderEpoch))
        throw new KafkaError('INVALID_OFFSETS', `leaderEpoch of ${where} is no number`)
      if (metadata !== null && typeof metadata !== 'string')
        throw new KafkaError('INVALID_OFFSETS', `metadata of ${where} is no text`)
      return { topic, partition, offset: wholeOffset(offset, where), leaderEpoch, metadata }
    }),
  }
}

const wrongGroup = (message: string) => new KafkaError('INVALID_GROUP_ID', message)

function wholeOffset(given: bigint | number | string, where: string): bigint {
  const isWhole =
    typeof given === 'bigint' ||
    (typeof given === 'number' && Number.isSafeInteger(given)) ||
    (typeof given === 'string' && /^\d+$/.test(given))
  const offset = isWhole ? BigInt(given) : -1n
  if (offset < 0n || offset >= 2n ** 63n)
    throw new KafkaError('INVALID_OFFSETS', `${String(given)} is no offset of ${where}`)
  return offset
}
