import { DecodeError, Reader } from '../../wire/protocol/index.ts'

/** The protocol type of consumers; Kafka Connect and others have their own. Source: ConsumerProtocol.PROTOCOL_TYPE. */
export const consumerProtocolType = 'consumer'

/**
 * The topics in the metadata of a consumer, or null where it cannot be read. Later versions begin like version 0.
 * Source: ConsumerProtocolSubscription.json.
 */
export function subscribedTopics(metadata: Buffer): string[] | null {
  try {
    const reader = new Reader(metadata)
    reader.int16()
    return readTopics(reader)
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}

function readTopics(reader: Reader): string[] {
  const count = reader.int32()
  // A name takes two bytes at least.
  if (count < 0 || count > reader.remaining / 2)
    throw new DecodeError(`${count} topics do not fit into the subscription`)
  return Array.from({ length: count }, () => reader.utf8(reader.int16()))
}

/** How many partitions an assignment of a consumer holds, or null where it cannot be read. Source: ConsumerProtocolAssignment.json. */
export function assignedPartitions(assignment: Buffer): { topic: string; partitions: number[] }[] | null {
  if (assignment.length === 0) return []
  try {
    const reader = new Reader(assignment)
    reader.int16()
    const count = reader.int32()
    if (count < 0 || count > reader.remaining / 6)
      throw new DecodeError(`${count} topics do not fit into the assignment`)
    return Array.from({ length: count }, () => {
      const topic = reader.utf8(reader.int16())
      const size = reader.int32()
      if (size < 0 || size > reader.remaining / 4)
        throw new DecodeError(`${size} partitions do not fit into the assignment`)
      return { topic, partitions: Array.from({ length: size }, () => reader.int32()) }
    })
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}
