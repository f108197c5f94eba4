/**
 * The header of a record batch of magic 2, in bytes from the batch's beginning. The CRC covers everything from the
 * attributes on, so that a broker may set base offset and leader epoch without computing it again.
 * Source: KIP-98, DefaultRecordBatch.java.
 */
export const baseOffsetAt = 0
export const batchLengthAt = 8
export const partitionLeaderEpochAt = 12
export const magicAt = 16
export const crcAt = 17
export const attributesAt = 21
export const lastOffsetDeltaAt = 23
export const baseTimestampAt = 27
export const maxTimestampAt = 35
export const producerIdAt = 43
export const producerEpochAt = 51
export const baseSequenceAt = 53
export const recordCountAt = 57
/** Records, or the bytes they were compressed to, begin here. */
export const batchHeaderSize = 61

/** `batchLength` counts what follows it: the whole batch without base offset and itself. */
export const logOverhead = 12

export const currentMagic = 2

export const codecMask = 0x07
export const timestampTypeBit = 0x08
export const transactionalBit = 0x10
export const controlBit = 0x20
export const deleteHorizonBit = 0x40

/** What stands for "none" in the identity fields. */
export const noProducerId = -1n
export const noProducerEpoch = -1
export const noSequence = -1
export const noPartitionLeaderEpoch = -1
export const noTimestamp = -1

/** body length, attributes, timestamp delta, offset delta, key, value, header count: a byte each at least. */
export const minimumRecordSize = 7
