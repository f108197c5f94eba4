import { expect, test } from 'vitest'
import { unescapeBytes } from './escapes.ts'

test.each([
  ['\\n', [0x0a]],
  ['\\t', [0x09]],
  ['\\0', [0]],
  ['\\xfF', [0xff]],
  ['\\\\n', [0x5c, 0x6e]],
  ['::', [0x3a, 0x3a]],
  ['a\\r\\nb', [0x61, 0x0d, 0x0a, 0x62]],
  ['ö', [0xc3, 0xb6]],
  ['\\N', [0x5c, 0x4e]],
  ['\\x4', [0x5c, 0x78, 0x34]],
  ['\\', [0x5c]],
  ['', []],
])('the delimiter %s means the bytes %j', (typed, bytes) => {
  expect([...unescapeBytes(typed)]).toEqual(bytes)
})
