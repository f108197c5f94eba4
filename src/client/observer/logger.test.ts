import { Console } from 'node:console'
import { Writable } from 'node:stream'
import pino from 'pino'
import { expect, test } from 'vitest'
import { isLogger, isWanted, type LogLevel, lineWriter, logLevels } from './logger.ts'

const fields = { clientId: 'p', event: 'broker-lost', brokerId: 1 }

/** What is written to a stream, as text. */
function written() {
  const chunks: string[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk))
      done()
    },
  })
  return { stream, text: () => chunks.join('') }
}

test('pino gets the fields first, and each line at its level, its children too', () => {
  const { stream, text } = written()
  const logger = pino({ level: 'debug' }, stream)

  for (const level of logLevels) lineWriter(logger)(level, `a ${level} line`, fields)
  lineWriter(logger.child({ part: 'billing' }))('warn', 'of a child', fields)

  const lines = text()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.map(({ level, msg }) => [pino.levels.labels[level], msg])).toEqual([
    ...logLevels.map(level => [level, `a ${level} line`]),
    ['warn', 'of a child'],
  ])
  for (const line of lines) expect(line).toMatchObject(fields)
  expect(lines.at(-1)).toMatchObject({ part: 'billing' })
})

test('a console gets one line for each line, that says of which producer it is', () => {
  const { stream, text } = written()
  const own = new Console({ stdout: stream, stderr: stream })

  for (const level of logLevels) lineWriter(own)(level, `a ${level} line`, fields)

  expect(text()).toBe(logLevels.map(level => `ottla p: a ${level} line\n`).join(''))
})

test('the global console is known as one', () => {
  const calls: unknown[][] = []
  const own = Object.assign(Object.create(console), { warn: (...line: unknown[]) => void calls.push(line) })

  lineWriter(own)('warn', 'text', fields)

  expect(calls).toEqual([['ottla p: text']])
})

test('bunyan and its like get the fields first; others with four methods get the message first', () => {
  const calls: unknown[][] = []
  const take = (...line: unknown[]) => void calls.push(line)
  const levels = { debug: take, info: take, warn: take, error: take }

  lineWriter({ ...levels, fields: {}, child: () => {} } as never)('info', 'bunyan', fields)
  lineWriter({ ...levels, child: () => {}, log: take } as never)('info', 'winston', fields)
  lineWriter(levels)('info', 'plain', fields)

  expect(calls).toEqual([
    [fields, 'bunyan'],
    ['winston', fields],
    ['plain', fields],
  ])
})

test('an object with log alone gets level, message and fields, with its own this', () => {
  class Own {
    readonly lines: unknown[][] = []
    log(level: LogLevel, message: string, given: object) {
      this.lines.push([level, message, given])
    }
  }
  const own = new Own()

  lineWriter(own)('error', 'text', fields)

  expect(own.lines).toEqual([['error', 'text', fields]])
})

test('what is a logger, and what is none', () => {
  const none = [undefined, null, 5, 'console', {}, { log: 5 }, { debug() {}, info() {}, warn() {} }, () => {}]
  expect(none.filter(isLogger)).toEqual([])
  expect([console, pino({ level: 'silent' }), { log() {} }].every(isLogger)).toBe(true)
})

test('a level is wanted from the least on; silent wants none', () => {
  const wanted = (least: LogLevel | 'silent') => logLevels.filter(level => isWanted(level, least))
  expect(wanted('debug')).toEqual(['debug', 'info', 'warn', 'error'])
  expect(wanted('warn')).toEqual(['warn', 'error'])
  expect(wanted('silent')).toEqual([])
})

test('a message is one line, whatever a broker puts into it', () => {
  const told: string[] = []
  const log = (_: LogLevel, message: string) => void told.push(message)

  lineWriter({ log })('warn', 'no:\r\n\t\u001b[31mforged\u2028line', fields)

  expect(told).toEqual(['no: [31mforged line'])
})
