import type { Reader } from '../../wire/protocol/index.ts'
import { readInt64 } from '../../wire/protocol/records/varint.ts'

/** The answer to a request of one batch, where all went well. */
export interface SingleAcknowledgement {
  readonly baseOffset: bigint
  readonly logAppendTimeMs: number
  readonly throttleTimeMs: number
}

/** Produce v9 is the first with compact lengths, v13 the first with topic ids; v8 brought record errors. */
const flexibleFrom = 9
const topicIdsFrom = 13
const recordErrorsFrom = 8
const logStartOffsetFrom = 5

/**
 * Reads the answer that a producer gets nearly always where latency counts: one topic, one partition, no error. By hand,
 * because the message table makes an object a level, which is a good part of what an awaited send costs. undefined for every
 * other answer: the table reads those, from the start. A test holds it against the table.
 */
export function singleAcknowledgement(
  reader: Reader,
  version: number,
  topic: string,
  topicId: Uint8Array | undefined,
  partition: number,
): SingleAcknowledgement | undefined {
  const { bytes, end } = reader
  let at = reader.offset
  const flexible = version >= flexibleFrom
  const name = version >= topicIdsFrom ? topicId : undefined
  const nameBytes = name === undefined ? topic.length + (flexible ? 1 : 2) : 16
  const size =
    (flexible ? 1 : 4) + // topics
    nameBytes +
    (flexible ? 1 : 4) + // partitions
    4 + // index
    2 + // error code
    8 + // base offset
    8 + // log append time
    (version >= logStartOffsetFrom ? 8 : 0) +
    (version >= recordErrorsFrom ? (flexible ? 2 : 6) : 0) + // no record errors, no message
    (flexible ? 2 : 0) + // tags of partition and topic
    4 + // throttle time
    (flexible ? 1 : 0)
  // Whatever is longer holds something that is not expected here: an error, a leader, a tag.
  if (end - at !== size || topic.length > 126) return undefined

  if (flexible ? bytes[at] !== 2 : bytes.readInt32BE(at) !== 1) return undefined
  at += flexible ? 1 : 4
  if (name !== undefined) {
    for (let index = 0; index < 16; index++) if (bytes[at + index] !== name[index]) return undefined
  } else {
    if (flexible ? bytes[at] !== topic.length + 1 : bytes.readInt16BE(at) !== topic.length) return undefined
    const from = at + (flexible ? 1 : 2)
    for (let index = 0; index < topic.length; index++)
      if (bytes[from + index] !== topic.charCodeAt(index)) return undefined
  }
  at += nameBytes
  if (flexible ? bytes[at] !== 2 : bytes.readInt32BE(at) !== 1) return undefined
  at += flexible ? 1 : 4
  if (bytes.readInt32BE(at) !== partition || bytes.readInt16BE(at + 4) !== 0) return undefined
  const baseOffset = bytes.readBigInt64BE(at + 6)
  const logAppendTimeMs = readInt64(bytes, at + 14)
  at += version >= logStartOffsetFrom ? 30 : 22
  if (version >= recordErrorsFrom) {
    if (
      flexible
        ? bytes[at] !== 1 || bytes[at + 1] !== 0
        : bytes.readInt32BE(at) !== 0 || bytes.readInt16BE(at + 4) !== -1
    )
      return undefined
    at += flexible ? 2 : 6
  }
  if (flexible) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 6] !== 0) return undefined
    at += 2
  }
  const throttleTimeMs = bytes.readInt32BE(at)
  reader.offset = end
  return { baseOffset, logAppendTimeMs, throttleTimeMs }
}
