import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Oversized, RecordSplitter, type SplitterOptions } from './record-splitter.ts'

function split(chunks: readonly Buffer[], options: Partial<SplitterOptions> = {}): (string | Oversized)[] {
  const splitter = new RecordSplitter({ delimiter: Buffer.from('\n'), maxRecordBytes: 1000, ...options })
  const records: (string | Oversized)[] = []
  const drain = () => {
    for (let record = splitter.next(); record !== undefined; record = splitter.next()) {
      records.push(record instanceof Oversized ? record : record.toString('latin1'))
    }
  }
  for (const chunk of chunks) {
    splitter.feed(chunk)
    drain()
  }
  splitter.finish()
  drain()
  return records
}
const text = (value: string) => [Buffer.from(value, 'latin1')]

test('a delimiter ends a record, and what is left at the end is one too', () => {
  expect(split(text('a\nbc\n\nd'))).toEqual(['a', 'bc', '', 'd'])
  expect(split(text('a\n'))).toEqual(['a'])
  expect(split(text(''))).toEqual([])
})

test('a carriage return before the delimiter is cut only where that is asked for', () => {
  expect(split(text('a\r\nb\rc\r\r\n\r'), { cutCarriageReturn: true })).toEqual(['a', 'b\rc\r', ''])
  expect(split(text('a\r\nb'))).toEqual(['a\r', 'b'])
})

test('without a delimiter the whole input is one record, also an empty one', () => {
  expect(split([Buffer.from('a\n'), Buffer.from('b')], { delimiter: null })).toEqual(['a\nb'])
  expect(split([], { delimiter: null })).toEqual([''])
})

test('a record longer than allowed is told with its size, and those around it are whole', () => {
  const records = split([...text('ab\nxxx'), ...text('xxx'), ...text('x\ncd')], { maxRecordBytes: 4 })

  expect(records).toEqual(['ab', new Oversized(7), 'cd'])
})

test('a record of exactly the allowed size passes, with its carriage return cut', () => {
  const options = { maxRecordBytes: 4, cutCarriageReturn: true }

  expect(split([...text('ab'), ...text('cd\r'), ...text('\n'), ...text('abcde\n')], options)).toEqual([
    'abcd',
    new Oversized(5),
  ])
})

test('what is held of an endless record stays within the limit', () => {
  const splitter = new RecordSplitter({ delimiter: Buffer.from('\n'), maxRecordBytes: 1_000_000 })
  const chunk = Buffer.alloc(256 * 1024, 'x')
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 4096; i++) {
    splitter.feed(chunk)
    expect(splitter.next()).toBeUndefined()
  }
  splitter.finish()

  expect(splitter.next()).toEqual(new Oversized(4096 * chunk.length))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
})

test('however the input is cut into chunks, the records are the same', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 20 })
  const delimiters = fc.constantFrom('\n', '\r\n', '::', 'aab', '\0')
  // Few letters, so that delimiters and halves of them are frequent.
  const letters = fc.array(fc.constantFrom('a', 'b', ':', '\r', '\n', '\0'), { maxLength: 60 })
  fc.assert(
    fc.property(pieces, letters, delimiters, fc.array(fc.nat(8)), (binary, plain, delimiter, cuts) => {
      const input = Buffer.concat([...binary, Buffer.from(plain.join(''))])
      const chunks: Buffer[] = []
      for (let at = 0, i = 0; at < input.length; i++) {
        const size = 1 + (cuts[i % Math.max(1, cuts.length)] ?? 3)
        chunks.push(input.subarray(at, at + size))
        at += size
      }
      const expected = input.toString('latin1').split(delimiter)
      if (expected.at(-1) === '') expected.pop()

      expect(split(chunks, { delimiter: Buffer.from(delimiter) })).toEqual(expected)
    }),
  )
})
