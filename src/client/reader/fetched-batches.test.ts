import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codecNames, loadCodecSync } from '../../wire/compression/index.ts'
import { type EncodeBatchOptions, encodeBatch } from '../../wire/protocol/records/record-batch.ts'
import type { AbortedTransaction } from './aborted-transactions.ts'
import { offsetAfter, type Portion, recordsIn } from './fetched-batches.ts'

const batch = (values: readonly string[], options: EncodeBatchOptions = {}) =>
  encodeBatch(
    values.map(value => ({ timestamp: 1000, value: Buffer.from(value) })),
    options,
  )

/** A marker as a broker writes it: version 0, and 0 for abort or 1 for commit. */
const marker = (type: 'abort' | 'commit', producerId: bigint, baseOffset: bigint) =>
  encodeBatch([{ timestamp: 1000, key: Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]), value: Buffer.alloc(6) }], {
    ...{ baseOffset, producerId, producerEpoch: 0, transactional: true, control: true },
  })

const transactional = (producerId: bigint, baseOffset: bigint, ...values: string[]) =>
  batch(values, { producerId, baseOffset, producerEpoch: 0, baseSequence: 0, transactional: true })

const portion = (batches: readonly Buffer[], rest: Partial<Portion> = {}): Portion => ({
  ...{ topic: 't', partition: 0, bytes: Buffer.concat(batches), from: 0n, to: undefined, aborted: null },
  ...rest,
})

const valuesOf = (given: Portion) => [...recordsIn(given)].flat().map(({ value }) => String(value))
const offsetsOf = (given: Portion) => [...recordsIn(given)].flat().map(({ offset }) => offset)

describe('what is read of a portion', () => {
  const two = [batch(['a', 'b', 'c']), batch(['d', 'e'], { baseOffset: 3n })]

  test('records have their offsets, key, value and headers', () => {
    const headers = [['h', Buffer.from('1')], ['none', null]] as const // biome-ignore format: pairs
    const one = encodeBatch([{ timestamp: 7, key: Buffer.from('k'), value: null, headers }], { baseOffset: 41n })

    expect([...recordsIn(portion([one]))]).toEqual([
      [{ partition: 0, offset: 41n, timestamp: 7, key: Buffer.from('k'), value: null, headers }],
    ])
  })

  test('what lies before and behind the wanted offsets is left out', () => {
    expect(offsetsOf(portion(two))).toEqual([0n, 1n, 2n, 3n, 4n])
    expect(offsetsOf(portion(two, { from: 2n, to: 4n }))).toEqual([2n, 3n])
    expect(offsetsOf(portion(two, { from: 3n }))).toEqual([3n, 4n])
    expect(offsetsOf(portion(two, { to: 3n }))).toEqual([0n, 1n, 2n])
  })

  test('a last batch that is cut off anywhere is as if it were not there', () => {
    const [first, second] = two as [Buffer, Buffer]
    fc.assert(
      fc.property(fc.integer({ min: 0, max: second.length - 1 }), length => {
        const cut = portion([first, second.subarray(0, length)])
        expect(valuesOf(cut)).toEqual(['a', 'b', 'c'])
        expect(offsetAfter(cut)).toBe(3n)
      }),
    )
    expect(offsetAfter(portion([second.subarray(0, second.length - 1)]))).toBeUndefined()
    expect(offsetAfter(portion(two))).toBe(5n)
  })

  test.each(codecNames)('%s is read', name => {
    const codec = loadCodecSync(name)
    const compressed = batch(['a', 'b'.repeat(1000)], {
      codec: { id: codec.id, compress: bytes => codec.compress(bytes) },
    })

    expect(valuesOf(portion([compressed]))).toEqual(['a', 'b'.repeat(1000)])
  })

  test('a changed byte is found by the checksum', () => {
    const bytes = Buffer.concat(two)
    fc.assert(
      fc.property(fc.integer({ min: 21, max: two[0]!.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at]! ^= change
        expect(() => valuesOf(portion([changed]))).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
      }),
    )
  })

  test('a length that cannot be is damage, not an endless walk', () => {
    const broken = Buffer.from(two[0]!)
    broken.writeInt32BE(-12, 8)

    expect(() => offsetAfter(portion([broken]))).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
  })

  test.each([0, 1, 3])('magic %i is refused with a sentence', magic => {
    const old = batch(['a'], { baseOffset: 9n })
    old.writeInt8(magic, 16)

    const told = {
      code: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      message: expect.stringMatching(/t-0 at offset 9 .*magic \d/),
    }
    expect(() => offsetAfter(portion([old]))).toThrow(expect.objectContaining(told))
    expect(() => valuesOf(portion([old.subarray(0, 30)]))).toThrow(expect.objectContaining(told))
  })
})

describe('transactions', () => {
  /** Two transactions of producer 1, the first aborted; one of producer 2 between and across them, committed. */
  const log = [
    transactional(1n, 0n, 'aborted-0', 'aborted-1'),
    transactional(2n, 2n, 'kept-2'),
    batch(['plain-3'], { baseOffset: 3n }),
    transactional(1n, 4n, 'aborted-4'),
    marker('abort', 1n, 5n),
    transactional(1n, 6n, 'kept-6'),
    transactional(2n, 7n, 'kept-7'),
    marker('commit', 2n, 8n),
    marker('commit', 1n, 9n),
  ]
  const aborted: AbortedTransaction[] = [{ producerId: 1n, firstOffset: 0n }]

  test('read_uncommitted shows all but the markers', () => {
    const shown = ['aborted-0', 'aborted-1', 'kept-2', 'plain-3', 'aborted-4', 'kept-6', 'kept-7']
    expect(valuesOf(portion(log))).toEqual(shown)
    expect(offsetAfter(portion(log))).toBe(10n)
  })

  test('read_committed leaves out what was aborted, by producer and up to the marker', () => {
    expect(valuesOf(portion(log, { aborted }))).toEqual(['kept-2', 'plain-3', 'kept-6', 'kept-7'])
  })

  test('a stretch that begins inside an aborted transaction knows of it from the list', () => {
    expect(valuesOf(portion(log.slice(2), { from: 3n, aborted }))).toEqual(['plain-3', 'kept-6', 'kept-7'])
    expect(valuesOf(portion(log.slice(4), { from: 5n, aborted }))).toEqual(['kept-6', 'kept-7'])
  })

  test('the list may be in any order, and name a producer more than once', () => {
    const again = [
      ...log,
      transactional(1n, 10n, 'aborted-10'),
      marker('abort', 1n, 11n),
      transactional(2n, 12n, 'aborted-12'),
      marker('abort', 2n, 13n),
      transactional(1n, 14n, 'kept-14'),
    ]
    const list = [{ producerId: 2n, firstOffset: 12n }, { producerId: 1n, firstOffset: 10n }, ...aborted]

    expect(valuesOf(portion(again, { aborted: list }))).toEqual(['kept-2', 'plain-3', 'kept-6', 'kept-7', 'kept-14'])
  })

  test('any interleaving shows exactly what was committed', () => {
    const step = fc.record({ producer: fc.bigInt(1n, 3n), what: fc.constantFrom('write', 'abort', 'commit') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), (steps, cut) => {
        const batches: Buffer[] = []
        const list: (AbortedTransaction & { end: bigint })[] = []
        const open = new Map<bigint, bigint[]>()
        const committed: bigint[] = []
        for (const { producer, what } of steps) {
          const offset = BigInt(batches.length)
          const written = open.get(producer) ?? []
          if (what === 'write') {
            batches.push(transactional(producer, offset, `${offset}`))
            open.set(producer, [...written, offset])
          } else if (written.length > 0) {
            batches.push(marker(what as 'abort' | 'commit', producer, offset))
            if (what === 'commit') committed.push(...written)
            else list.push({ producerId: producer, firstOffset: written[0]!, end: offset })
            open.delete(producer)
          }
        }
        // The broker stops at the last stable offset, and lists the transactions that reach into the answer.
        const stable = [...open.values()].reduce(
          (least, [first]) => (first! < least ? first! : least),
          BigInt(batches.length),
        )
        const from = batches.length === 0 ? 0n : BigInt(cut % batches.length)
        const stretch = batches.slice(Number(from), Math.max(Number(from), Number(stable)))
        const reaching = list.filter(({ end }) => end >= from)

        const shown = valuesOf(portion(stretch, { from, aborted: reaching })).map(BigInt)

        const expected = committed.filter(offset => offset >= from && offset < stable)
        expect(shown).toEqual(expected.sort((a, b) => Number(a - b)))
      }),
    )
  })
})
