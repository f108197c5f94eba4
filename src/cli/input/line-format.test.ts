import { expect, test } from 'vitest'
import { LineError, type LineFormat, parseLine } from './line-format.ts'
import { lineFormatOfReaderProperties } from './reader-properties.ts'

function read(line: string | Buffer, format: LineFormat) {
  const { key, value, headers } = parseLine(Buffer.from(line as string), format)
  return {
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    headers: headers.map(([name, header]) => [name, header === null ? null : String(header)]),
  }
}
function consoleFormat(...properties: string[]): LineFormat {
  const problems: string[] = []
  const format = lineFormatOfReaderProperties(properties, problems)
  expect(problems).toEqual([])
  return format
}

test("with kcat's -K a line without the delimiter is a value without a key", () => {
  const format = { key: { separator: Buffer.from(':'), required: false } }

  expect(read('k:v:w', format)).toEqual({ key: 'k', value: 'v:w', headers: [] })
  expect(read('v', format)).toEqual({ key: null, value: 'v', headers: [] })
  expect(read(':v', format).key).toBe('')
})

test("with kcat's -Z an empty key and an empty value are null", () => {
  const format = { key: { separator: Buffer.from(':'), required: false }, emptyIsNull: true }

  expect(read('k:', format)).toMatchObject({ key: 'k', value: null })
  expect(read(':v', format)).toMatchObject({ key: null, value: 'v' })
  expect(read('', format)).toMatchObject({ key: null, value: null })
})

test('parse.key wants its separator on every line, unless errors are ignored', () => {
  expect(read('k\tv', consoleFormat('parse.key=true'))).toMatchObject({ key: 'k', value: 'v' })
  expect(() => read('no key here', consoleFormat('parse.key=true'))).toThrow(LineError)
  expect(read('v', consoleFormat('parse.key=true', 'ignore.error=true'))).toMatchObject({ key: null, value: 'v' })
})

test('headers stand first, then the key, then the value', () => {
  const format = consoleFormat('parse.headers=true', 'parse.key=true', 'key.separator=|')

  expect(read('h1:a,h2:b:c\tk|v', format)).toEqual({
    key: 'k',
    value: 'v',
    headers: [
      ['h1', 'a'],
      ['h2', 'b:c'],
    ],
  })
})

test('a header separator of several letters is a regular expression, one letter is itself', () => {
  const expected = [
    ['a', '1'],
    ['b', '2'],
  ]

  expect(read('a:1|b:2\tv', consoleFormat('parse.headers=true', 'headers.separator=|')).headers).toEqual(expected)
  expect(read('a:1; b:2\tv', consoleFormat('parse.headers=true', 'headers.separator=; *')).headers).toEqual(expected)
})

test('the null marker means null as key, value, header value and all headers, but never as a header name', () => {
  const format = consoleFormat('parse.headers=true', 'parse.key=true', 'key.separator=|', 'null.marker=\\N')

  expect(read('a:\\N\t\\N|\\N', format)).toEqual({ key: null, value: null, headers: [['a', null]] })
  expect(read('\\N\tk|v', format)).toEqual({ key: 'k', value: 'v', headers: [] })
  expect(() => read('\\N:1\tk|v', format)).toThrow(/header name/)
})

test('a header without its separator is an error, or a name with null', () => {
  expect(() => read('lonely\tv', consoleFormat('parse.headers=true'))).toThrow(/header key separator/)
  expect(read('lonely\tv', consoleFormat('parse.headers=true', 'ignore.error=true')).headers).toEqual([
    ['lonely', null],
  ])
})

test('bytes that are not UTF-8 pass unchanged through key, value and headers', () => {
  const every = Buffer.from(
    Array.from({ length: 256 }, (_, byte) => byte).filter(byte => !'\t,:'.includes(String.fromCharCode(byte))),
  )
  const format = consoleFormat('parse.headers=true', 'parse.key=true')
  const tab = Buffer.from('\t')

  const parsed = parseLine(Buffer.concat([Buffer.from('h:'), every, tab, every, tab, every]), format)

  expect(parsed.headers[0]?.[1]).toEqual(every)
  expect(parsed.key).toEqual(every)
  expect(parsed.value).toEqual(every)
})

test('all wrong reader properties are told at once, with the nearest right name', () => {
  const problems: string[] = []

  lineFormatOfReaderProperties(
    ['parse.kye=true', 'parse.headers=yes', 'null.marker', 'parse.key=true', 'key.separator='],
    problems,
  )

  expect(problems).toEqual([
    'unknown reader property "parse.kye" (did you mean "parse.key"?)',
    'reader property null.marker needs a value: --reader-property null.marker=...',
    'reader property parse.headers is true or false, not "yes"',
    'reader property key.separator is empty',
  ])
})

test('separators that could not be told apart are refused', () => {
  const problems: string[] = []

  lineFormatOfReaderProperties(
    ['parse.headers=true', 'headers.separator=:', 'parse.key=true', 'null.marker=:'],
    problems,
  )

  expect(problems.length).toBe(2)
  expect(problems[0]).toContain('headers.separator and headers.key.separator must differ')
})
