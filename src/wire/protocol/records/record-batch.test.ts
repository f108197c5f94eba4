import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../decode-error.ts'
import { crc32cInJavaScript } from './crc32c.ts'
import {
  type BatchFault,
  type BatchLimits,
  computeBatchCrc,
  type Decompress,
  decodeRecords,
  type EncodeBatchOptions,
  encodeBatch,
  iterateRecords,
  type RecordToEncode,
  readBatchHeader,
  setBaseOffset,
  setLogAppendTime,
  setPartitionLeaderEpoch,
  stampBatch,
  validateBatch,
} from './record-batch.ts'

const plain: Decompress = codec => {
  throw new DecodeError(`codec ${codec} in a test without compression`)
}
const limits: BatchLimits = { maxMessageBytes: 1_000_000, decompress: plain }

/** Turns the bits around: enough to see that a codec was asked. */
const flip = (bytes: Uint8Array) => Buffer.from(bytes.map(byte => byte ^ 0xff))
const flipping: Decompress = (codec, bytes) => {
  if (codec !== 1) throw new DecodeError(`codec ${codec}`)
  return flip(bytes)
}

/** Two records, by hand from the protocol guide: one with all fields, one of nulls that is 3 ms older. */
const golden = Buffer.from(
  [
    '0000000000000000', // base offset
    '0000004f', // length 79: 49 of header and 30 of records
    'ffffffff', // partition leader epoch
    '02', // magic
    'CRC.CRC.', // filled in below, by the bit
    '0000', // attributes
    '00000001', // last offset delta
    '0000018bcfe56800', // base timestamp 1700000000000
    '0000018bcfe56800', // max timestamp
    'ffffffffffffffff', // producer id
    'ffff', // producer epoch
    'ffffffff', // base sequence
    '00000002', // two records
    '2c', // length 22
    '00', // attributes
    '00', // timestamp delta 0
    '00', // offset delta 0
    '066b6579', // key of 3 bytes
    '0a76616c7565', // value of 5 bytes
    '04', // two headers
    '02680278', // h: x
    '046e6c01', // nl: null
    '0c', // length 6
    '00', // attributes
    '05', // timestamp delta −3
    '02', // offset delta 1
    '01', // null key
    '01', // null value
    '00', // no headers
  ]
    .join('')
    .replace('CRC.CRC.', '00000000'),
  'hex',
)
golden.writeUInt32BE(crc32cInJavaScript(golden, 21), 17)

const goldenRecords: RecordToEncode[] = [
  {
    timestamp: 1_700_000_000_000,
    key: Buffer.from('key'),
    value: Buffer.from('value'),
    headers: [
      ['h', Buffer.from('x')],
      ['nl', null],
    ],
  },
  { timestamp: 1_699_999_999_997 },
]

describe('a batch written by hand from the specification', () => {
  test('has the length that it says', () => {
    expect(golden.length).toBe(91)
  })

  test('is what is encoded', () => {
    expect(encodeBatch(goldenRecords).toString('hex')).toBe(golden.toString('hex'))
  })

  test('is read', () => {
    expect(readBatchHeader(golden, 0)).toEqual({
      baseOffset: 0n,
      batchLength: 79,
      partitionLeaderEpoch: -1,
      magic: 2,
      crc: golden.readUInt32BE(17),
      attributes: {
        codec: 0,
        timestampType: 'create-time',
        transactional: false,
        control: false,
        deleteHorizon: false,
      },
      lastOffsetDelta: 1,
      baseTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_000,
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
      recordCount: 2,
      sizeInBytes: 91,
    })
    expect(decodeRecords(golden, 0, plain)).toEqual([
      { offsetDelta: 0, ...goldenRecords[0] },
      { offsetDelta: 1, timestamp: 1_699_999_999_997, key: null, value: null, headers: [] },
    ])
    expect(validateBatch(golden, 0, limits).ok).toBe(true)
  })

  test('is read in the midst of other bytes', () => {
    const among = Buffer.concat([Buffer.alloc(13, 0xaa), golden, golden, Buffer.alloc(5, 0xbb)])
    expect(decodeRecords(among, 13 + 91, plain)).toHaveLength(2)
    expect(validateBatch(among, 13, limits).ok).toBe(true)
  })

  test('may be read record by record', () => {
    const records = iterateRecords(golden, 0, plain)
    expect(records.next().value?.offsetDelta).toBe(0)
    expect(records.next().value?.offsetDelta).toBe(1)
    expect(records.next().done).toBe(true)
  })
})

const nullableBytes = fc.option(
  fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
  { nil: null },
)
/** All milliseconds that a Date may hold from 1970 on, and Kafka's −1. */
const timestamp = fc.oneof(
  fc.integer({ min: -1, max: 8.64e15 }),
  fc.integer({ min: 1.7e12, max: 1.7e12 + 1000 }),
  fc.constantFrom(-1, 0, 2 ** 31, 2 ** 32, 8.64e15),
)
const record = fc.record({
  timestamp,
  key: nullableBytes,
  value: nullableBytes,
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), nullableBytes), { maxLength: 4 }),
})
const records = fc.array(record, { minLength: 1, maxLength: 20 })
const options: fc.Arbitrary<EncodeBatchOptions> = fc.record(
  {
    baseOffset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    partitionLeaderEpoch: fc.integer(),
    producerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
    producerEpoch: fc.integer({ min: -1, max: 32767 }),
    baseSequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    transactional: fc.boolean(),
    control: fc.boolean(),
    codec: fc.constant({ id: 1, compress: flip }),
  },
  { requiredKeys: [] },
)

describe('any batch', () => {
  test('comes back as it was encoded', () => {
    fc.assert(
      fc.property(records, options, (written, given) => {
        const batch = encodeBatch(written, given)
        const decoded = decodeRecords(batch, 0, flipping)
        expect(decoded).toEqual(written.map((one, offsetDelta) => ({ offsetDelta, ...one })))
        const header = readBatchHeader(batch, 0)
        expect(header).toMatchObject({
          baseOffset: given.baseOffset ?? 0n,
          partitionLeaderEpoch: given.partitionLeaderEpoch ?? -1,
          producerId: given.producerId ?? -1n,
          producerEpoch: given.producerEpoch ?? -1,
          baseSequence: given.baseSequence ?? -1,
          attributes: {
            codec: given.codec ? 1 : 0,
            transactional: given.transactional ?? false,
            control: given.control ?? false,
          },
          baseTimestamp: written[0]!.timestamp,
          maxTimestamp: Math.max(...written.map(one => one.timestamp)),
          recordCount: written.length,
          sizeInBytes: batch.length,
        })
        expect(computeBatchCrc(batch, 0)).toBe(crc32cInJavaScript(batch, 21))
      }),
      { numRuns: 300 },
    )
  })

  test('cut anywhere is a DecodeError for the reader, and no valid batch', () => {
    fc.assert(
      fc.property(records, written => {
        const batch = encodeBatch(written)
        for (let length = 0; length < batch.length; length++) {
          const cut = batch.subarray(0, length)
          expect(() => decodeRecords(cut, 0, plain)).toThrow(DecodeError)
          expect(validateBatch(cut, 0, limits)).toMatchObject({ ok: false, error: 'CORRUPT_MESSAGE' })
        }
      }),
      { numRuns: 10 },
    )
  })

  test('cut within its records, with length and CRC mended, is a DecodeError too', () => {
    const batch = encodeBatch([...goldenRecords, ...goldenRecords])
    for (let length = 61; length < batch.length; length++) {
      const cut = Buffer.from(batch.subarray(0, length))
      cut.writeInt32BE(length - 12, 8)
      mend(cut)
      expect(() => decodeRecords(cut, 0, plain)).toThrow(DecodeError)
      expect(validateBatch(cut, 0, limits)).toMatchObject({ fault: 'records', error: 'CORRUPT_MESSAGE' })
    }
  })

  test('with any bytes changed is read or is a DecodeError, nothing else', () => {
    fc.assert(
      fc.property(
        records,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 }),
        (written, changes) => {
          const batch = encodeBatch(written)
          for (const [at, byte] of changes) batch[at % batch.length] = byte
          try {
            decodeRecords(batch, 0, plain)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
          try {
            mend(batch)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
          }
          expect(validateBatch(batch, 0, limits)).toHaveProperty('ok')
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('with one bit changed after the CRC is refused', () => {
    for (let bit = 21 * 8; bit < golden.length * 8; bit++) {
      const changed = Buffer.from(golden)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(validateBatch(changed, 0, limits)).toMatchObject({ fault: 'crc' })
    }
  })

  test('that announces more than it has allocates nothing for it', () => {
    const batch = Buffer.from(golden)
    batch.writeInt32BE(2 ** 31 - 1, 57)
    expect(() => decodeRecords(batch, 0, plain)).toThrow(/2147483647 records in 30 bytes/)
  })
})

/** Makes the CRC right again, so that what lies behind it is reached. */
function mend(batch: Buffer): void {
  batch.writeUInt32BE(computeBatchCrc(batch, 0), 17)
}

describe('a broker refuses', () => {
  /** Spoils the batch in place, or gives another. */
  type Change = (batch: Buffer) => Buffer | undefined
  const cases: [string, BatchFault, string, Change][] = [
    ['nothing', 'truncated', 'CORRUPT_MESSAGE', () => Buffer.alloc(0)],
    ['an old magic', 'magic', 'INVALID_RECORD', spoil(b => b.writeInt8(1, 16))],
    ['a length below the header', 'length', 'CORRUPT_MESSAGE', spoil(b => b.writeInt32BE(48, 8))],
    ['a negative length', 'length', 'CORRUPT_MESSAGE', spoil(b => b.writeInt32BE(-1, 8))],
    ['a length beyond the bytes', 'truncated', 'CORRUPT_MESSAGE', spoil(b => b.writeInt32BE(80, 8))],
    ['a wrong CRC', 'crc', 'CORRUPT_MESSAGE', spoil(b => b.writeUInt32BE(1, 17))],
    ['a codec that Kafka lacks', 'codec', 'UNSUPPORTED_COMPRESSION_TYPE', patch(b => b.writeInt16BE(5, 21))],
    ['a control batch', 'control', 'INVALID_RECORD', patch(b => b.writeInt16BE(0x20, 21))],
    ['a base offset', 'base-offset', 'INVALID_RECORD', spoil(b => setBaseOffset(b, 0, 7n))],
    ['no records', 'count', 'INVALID_RECORD', patch(b => b.writeInt32BE(0, 57))],
    ['a negative count', 'count', 'INVALID_RECORD', patch(b => b.writeInt32BE(-2, 57))],
    ['a count unlike the offsets', 'count', 'INVALID_RECORD', patch(b => b.writeInt32BE(5, 23))],
    [
      'a last offset delta that overflows',
      'count',
      'INVALID_RECORD',
      patch(b => {
        b.writeInt32BE(-2147483648, 57)
        b.writeInt32BE(2147483647, 23)
      }),
    ],
    ['a producer without sequence', 'sequence', 'INVALID_RECORD', patch(b => b.writeBigInt64BE(9n, 43))],
    ['a time beyond all dates', 'timestamp', 'INVALID_TIMESTAMP', patch(b => b.writeBigInt64BE(2n ** 60n, 27))],
    ['offset deltas with a gap', 'offset-delta', 'INVALID_RECORD', patch(b => b.writeInt8(4, 87))],
    [
      'fewer records than it counts',
      'records',
      'CORRUPT_MESSAGE',
      patch(b => {
        b.writeInt32BE(2, 23)
        b.writeInt32BE(3, 57)
      }),
    ],
    [
      'more records than it counts',
      'records',
      'CORRUPT_MESSAGE',
      patch(b => {
        b.writeInt32BE(0, 23)
        b.writeInt32BE(1, 57)
      }),
    ],
    ['records that do not decompress', 'records', 'CORRUPT_MESSAGE', patch(b => b.writeInt16BE(4, 21))],
  ]

  function spoil(change: (batch: Buffer) => void): Change {
    return batch => {
      change(batch)
      return undefined
    }
  }

  function patch(change: (batch: Buffer) => void): Change {
    return spoil(batch => {
      change(batch)
      mend(batch)
    })
  }

  test.each(cases)('%s', (_, fault, error, change) => {
    const batch = Buffer.from(golden)
    const given = change(batch) ?? batch
    const verdict = validateBatch(given, 0, limits)
    expect(verdict).toMatchObject({ ok: false, fault, error })
  })

  test('a batch larger than max.message.bytes', () => {
    expect(validateBatch(golden, 0, { ...limits, maxMessageBytes: 91 }).ok).toBe(true)
    expect(validateBatch(golden, 0, { ...limits, maxMessageBytes: 90 })).toMatchObject({
      fault: 'too-large',
      error: 'MESSAGE_TOO_LARGE',
    })
  })

  test('the record at fault by its index', () => {
    const batch = Buffer.from(golden)
    batch.writeInt8(4, 87)
    mend(batch)
    expect(validateBatch(batch, 0, limits)).toMatchObject({ recordIndex: 1 })
  })

  test('no control batch or base offset of another broker', () => {
    const batch = encodeBatch(goldenRecords, { control: true, baseOffset: 70n })
    expect(validateBatch(batch, 0, { ...limits, fromClient: false }).ok).toBe(true)
    expect(validateBatch(batch, 0, limits).ok).toBe(false)
  })

  test('an error that is no DecodeError is not taken for the batch’s fault', () => {
    const batch = encodeBatch(goldenRecords, { codec: { id: 1, compress: flip } })
    const broken: Decompress = () => {
      throw new TypeError('a bug')
    }
    expect(() => validateBatch(batch, 0, { ...limits, decompress: broken })).toThrow(TypeError)
  })
})

describe('changing a batch in place', () => {
  const identity = { producerId: 2n ** 40n + 7n, producerEpoch: 12, baseSequence: 2147483646 }

  test('a stamp writes identity and sequence, and the CRC is right again', () => {
    const bytes = Buffer.concat([Buffer.alloc(9, 0xaa), golden, Buffer.alloc(3, 0xbb)])
    stampBatch(bytes, 9, identity)
    expect(readBatchHeader(bytes, 9)).toMatchObject(identity)
    expect(validateBatch(bytes, 9, limits).ok).toBe(true)
    expect(bytes.subarray(9 + 61)).toEqual(Buffer.concat([golden.subarray(61), Buffer.alloc(3, 0xbb)]))
    expect(bytes.subarray(0, 9)).toEqual(Buffer.alloc(9, 0xaa))
  })

  test('a stamp is the same as encoding with that identity, transactional or not', () => {
    const codec = { id: 1, compress: flip }
    const batch = encodeBatch(goldenRecords, { codec })
    stampBatch(batch, 0, { ...identity, transactional: true })
    expect(batch).toEqual(encodeBatch(goldenRecords, { codec, ...identity, transactional: true }))
    stampBatch(batch, 0, identity)
    expect(readBatchHeader(batch, 0).attributes.transactional).toBe(true)
    stampBatch(batch, 0, { ...identity, transactional: false })
    expect(batch).toEqual(encodeBatch(goldenRecords, { codec, ...identity }))
  })

  test('base offset and leader epoch leave the CRC right', () => {
    const batch = Buffer.from(golden)
    setBaseOffset(batch, 0, 2n ** 62n)
    setPartitionLeaderEpoch(batch, 0, 33)
    expect(readBatchHeader(batch, 0)).toMatchObject({ baseOffset: 2n ** 62n, partitionLeaderEpoch: 33 })
    expect(validateBatch(batch, 0, { ...limits, fromClient: false }).ok).toBe(true)
  })

  test('with log append time every record has the time of the batch', () => {
    const batch = Buffer.from(golden)
    setLogAppendTime(batch, 0, 1_800_000_000_123)
    expect(validateBatch(batch, 0, limits).ok).toBe(true)
    expect(readBatchHeader(batch, 0).attributes.timestampType).toBe('log-append-time')
    expect(decodeRecords(batch, 0, plain).map(one => one.timestamp)).toEqual([1_800_000_000_123, 1_800_000_000_123])
  })
})

test('a batch that compaction has emptied has no records', () => {
  const empty = Buffer.from(golden.subarray(0, 61))
  empty.writeInt32BE(49, 8)
  empty.writeInt32BE(0, 57)
  empty.writeInt16BE(3, 21)
  expect(decodeRecords(empty, 0, plain)).toEqual([])
})
