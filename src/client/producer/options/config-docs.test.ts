import { expect, test } from 'vitest'
import {
  defaultText,
  docstringsOf,
  readConfigDocs,
  readOptionsSource,
  renderConfigDocs,
} from '../../../../scripts/make-config-docs.mjs'
import { classNames } from './class-names.ts'
import { optionNames, optionTable } from './option-table.ts'
import { refusedOptions } from './refused-options.ts'

const optionsSource = readOptionsSource()
const docstrings = docstringsOf(optionsSource, 'ProducerOptions')

test('docs/configuration.md is what the option table says', () => {
  const rendered = renderConfigDocs({ optionTable, refusedOptions, classNames, optionsSource })

  expect(readConfigDocs(), 'stale: run npm run build && node scripts/make-config-docs.mjs').toBe(rendered)
})

test('the docstrings stand in the order of the table', () => {
  expect([...docstrings.keys()]).toEqual(optionNames)
})

test.each(optionNames)('the docstring of %s agrees with the table', name => {
  const row = optionTable[name]
  const { meaning, tags } = docstrings.get(name)!

  expect(meaning).toMatch(/\w.+\.$/s)
  expect(tags.default).toBe(defaultText(row))
  expect(tags.unit).toBe(row.unit)
  expect(tags.throws).toMatch(/^ConfigError /)
  expect(tags.source).toMatch(row.kafkaName === undefined ? /^ottla/ : /^Kafka `/)
  if (row.kafkaName !== undefined) expect(tags.source).toContain(`\`${row.kafkaName}\``)
  const range = /^a whole number from (\S+) to (\S+)$/.exec(row.kind.allowed)
  if (range) {
    for (const bound of range.slice(1)) {
      if (row.unit === undefined || Number(bound) > 0) continue
      expect(tags.throws, `the lower bound ${bound}`).toMatch(
        new RegExp(`(outside|below) ${bound.replace('-', '−')}\\b`),
      )
    }
  }
})

test('the name of an option is its Kafka name in camelCase', () => {
  for (const name of optionNames) {
    const { kafkaName } = optionTable[name]
    if (kafkaName === undefined) continue
    expect(kafkaName.replace(/\.[a-z]/g, dot => dot[1]!.toUpperCase())).toBe(name)
  }
})
