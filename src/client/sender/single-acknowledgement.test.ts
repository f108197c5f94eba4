import fc from 'fast-check'
import { expect, test } from 'vitest'
import { produceResponse } from '../../wire/protocol/messages/produce.ts'
import { Reader } from '../../wire/protocol/reader.ts'
import { singleAcknowledgement } from './single-acknowledgement.ts'

const topicId = 'AQIDBAUGBwgJCgsMDQ4PEA'
const idBytes = Buffer.from(topicId, 'base64url')
const versions = Array.from({ length: 11 }, (_, index) => index + 3)

const partitionAnswer = {
  index: 4,
  errorCode: 0,
  baseOffset: 7n,
  logAppendTimeMs: -1n,
  logStartOffset: 0n,
  recordErrors: [],
  errorMessage: null,
}

function encode(version: number, partition: object, more: object = {}): Buffer {
  const topic = { name: 'orders', topicId, partitionResponses: [{ ...partitionAnswer, ...partition }] }
  return produceResponse.encode({ responses: [topic], throttleTimeMs: 0, ...more } as never, version)
}

const read = (bytes: Buffer, version: number) =>
  singleAcknowledgement(new Reader(bytes), version, 'orders', version >= 13 ? idBytes : undefined, 4)

test.each(versions)('v%i: an answer without error is read as the table reads it', version => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 62n }),
      fc.integer({ min: -1, max: 2 ** 42 }),
      fc.nat(),
      (offset, time, throttle) => {
        const bytes = encode(
          version,
          { baseOffset: offset, logAppendTimeMs: BigInt(time) },
          { throttleTimeMs: throttle },
        )
        expect(read(bytes, version)).toEqual({ baseOffset: offset, logAppendTimeMs: time, throttleTimeMs: throttle })
      },
    ),
  )
})

test.each(versions)('v%i: everything else is left to the table', version => {
  const others = [
    encode(version, { errorCode: 6 }),
    encode(version, { index: 5 }),
    encode(version, {}, { responses: [] }),
    produceResponse.encode(
      {
        responses: [{ name: 'others', topicId: 'zzzzBAUGBwgJCgsMDQ4PEA', partitionResponses: [partitionAnswer] }],
      } as never,
      version,
    ),
    ...(version >= 8 ? [encode(version, { errorMessage: 'x' })] : []),
    ...(version >= 10 ? [encode(version, { currentLeader: { leaderId: 1, leaderEpoch: 2 } })] : []),
  ]

  expect(others.map(bytes => read(bytes, version))).toEqual(others.map(() => undefined))
})

test.each(versions)('v%i: no cut and no changed byte makes it throw, or read other than the table', version => {
  const bytes = encode(version, {})
  for (let length = 0; length < bytes.length; length++) expect(read(bytes.subarray(0, length), version)).toBeUndefined()
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = changed[at]! ^ 0x41
    const own = read(changed, version)
    if (own === undefined) continue
    const answer = produceResponse.decode(changed, version)
    const partition = answer.responses[0]!.partitionResponses[0]!
    expect(own.baseOffset).toBe(partition.baseOffset)
    expect(BigInt(Math.round(own.logAppendTimeMs / 2 ** 12))).toBe(
      BigInt(Math.round(Number(partition.logAppendTimeMs) / 2 ** 12)),
    )
    expect(own.throttleTimeMs).toBe(answer.throttleTimeMs)
    expect(partition.errorCode).toBe(0)
  }
})
