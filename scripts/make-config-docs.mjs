// Writes docs/configuration.md from the option table and the docstrings of ProducerOptions.
// Run after a build: npm run build && node scripts/make-config-docs.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const docsFile = new URL('../docs/configuration.md', import.meta.url)
const optionsFile = new URL('../src/client/producer/options.ts', import.meta.url)

/** The docstrings of an interface's members, as text and tags. */
export function docstringsOf(source, interfaceName) {
  const start = source.indexOf(`export interface ${interfaceName}`)
  if (start < 0) throw new Error(`there is no interface ${interfaceName}`)
  const body = source.slice(start, source.indexOf('\n}\n', start) + 1)
  const docstrings = new Map()
  for (const [, comment, name, type] of body.matchAll(/\n {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(\w+)\??: (.+)\n/g)) {
    const lines = comment.split('\n').map(line => line.replace(/^ *\*? ?/, '').trim())
    const firstTag = lines.findIndex(line => line.startsWith('@'))
    const tags = {}
    let tag
    for (const line of firstTag < 0 ? [] : lines.slice(firstTag)) {
      const match = /^@(\w+) ?(.*)$/.exec(line)
      if (match) {
        tag = match[1]
        tags[tag] = match[2]
      } else if (line !== '') tags[tag] += ` ${line}`
    }
    const text = lines.slice(0, firstTag < 0 ? undefined : firstTag)
    docstrings.set(name, { meaning: text.join(' ').trim(), type, tags })
  }
  return docstrings
}

/** The default as the docs and the docstrings write it. */
export const defaultText = row => row.defaultText ?? String(row.default)

const cell = text => text.replaceAll('|', '\\|')
const code = text => (/^[\w.,:-]+$/.test(text) ? `\`${text}\`` : text)

/** The whole of docs/configuration.md. */
export function renderConfigDocs({ optionTable, refusedOptions, classNames, optionsSource }) {
  const docstrings = docstringsOf(optionsSource, 'ProducerOptions')
  const rows = Object.entries(optionTable).map(([name, row]) => ({ name, ...row, doc: docstrings.get(name) }))
  const kafkaNames = kind => [...refusedOptions.values()].filter(row => row.kind === kind)
  const grouped = kind => {
    const groups = new Map()
    for (const { kafkaName, because } of kafkaNames(kind))
      groups.set(because, [...(groups.get(because) ?? []), `\`${kafkaName}\``])
    return [...groups].map(([because, names]) => `- ${because}: ${names.join(', ')}`)
  }
  const lines = [
    '# Configuration',
    '',
    '<!-- Made by scripts/make-config-docs.mjs from the option table; change it there. -->',
    '',
    "Options of `createProducer` have Kafka's own names in camelCase, with Kafka's meaning, range and default: `linger.ms` is",
    "`lingerMs`. `fromProperties(textOrObject)` takes a `.properties` file or an object with Kafka's dotted names, and gives options:",
    '',
    '```ts',
    "createProducer({ ...fromProperties(readFileSync('producer.properties', 'utf8')), valueSerializer: 'json' })",
    '```',
    '',
    'Options are checked when the producer is made, before any connection. Everything that is wrong is reported at once, by one',
    '`ConfigError` (code `INVALID_CONFIG`), whose `problems` name each option, what was given and what is allowed. Values of options',
    'whose name sounds secret are not shown. What was given may be changed afterwards: nothing follows it.',
    '',
    '## All options',
    '',
    '| option | Kafka | allowed | default |',
    '| --- | --- | --- | --- |',
    ...rows.map(row => {
      const kafkaName = row.kafkaName ? `\`${row.kafkaName}\`` : '–'
      const allowed = cell(row.kind.allowed) + (row.unit ? ` (${row.unit})` : '')
      return `| [\`${row.name}\`](#${row.name.toLowerCase()}) | ${kafkaName} | ${allowed} | ${cell(code(defaultText(row)))} |`
    }),
    '',
    '## Rules between options',
    '',
    '- `enableIdempotence` needs `acks` `all`, `retries` above 0 and `maxInFlightRequestsPerConnection` of at most 5. Anything else is an',
    '  error naming both, whether idempotence was asked for or is on by default.',
    '- `deliveryTimeoutMs` is at least `lingerMs` + `requestTimeoutMs`: an error where it was given, raised to the sum where not.',
    '- `retryBackoffMs` above `retryBackoffMaxMs`, `reconnectBackoffMs` above `reconnectBackoffMaxMs` and',
    '  `socketConnectionSetupTimeoutMs` above `socketConnectionSetupTimeoutMaxMs`: the maximum is used, without growth.',
    '- `reconnectBackoffMaxMs` equals `reconnectBackoffMs` where only the latter is given.',
    "- `partitionerAdaptivePartitioningEnable` counts for `partitioner: 'murmur2'` alone.",
    '',
    '## Different from Java',
    '',
    ...rows.filter(row => row.differs).map(row => `- \`${row.name}\`: ${row.differs}`),
    '',
    '## Each option',
    '',
    ...rows.flatMap(row => [
      `### ${row.name}`,
      '',
      row.doc.meaning,
      '',
      `- Type: \`${row.doc.type}\``,
      `- Allowed: ${row.kind.allowed}`,
      ...(row.unit ? [`- Unit: ${row.unit}`] : []),
      `- Default: ${code(defaultText(row))}`,
      `- \`ConfigError\` ${row.doc.tags.throws.replace('ConfigError ', '')}`,
      `- Source: ${row.doc.tags.source}`,
      '',
    ]),
    '## Known and not taken',
    '',
    'These names of Kafka 4.3 are recognised, and refused with a sentence that says why.',
    '',
    'Not yet:',
    '',
    ...grouped('later'),
    '',
    'In a JVM only (empty values are passed over by `fromProperties`):',
    '',
    ...grouped('jvm').map(line => line.replace('- works in a JVM only; ', '- ')),
    '',
    `Of consumers: ${kafkaNames('consumer')
      .map(row => `\`${row.kafkaName}\``)
      .join(', ')}.`,
    '',
    '## Properties files',
    '',
    "`fromProperties` reads Java's syntax: comments with `#` and `!`, lines continued by a backslash, `=`, `:` or blanks between name and",
    "value, escapes such as `\\u00e4`. The last of a repeated name counts. Numbers beyond 9007199254740991, such as Java's",
    '`Long.MAX_VALUE`, are taken for that. These class names of Kafka are translated:',
    '',
    ...[...classNames].map(([className, { value }]) => `- \`${className}\` → \`'${value}'\``),
    '',
  ]
  return lines.join('\n')
}

export const readOptionsSource = () => readFileSync(optionsFile, 'utf8')
export const readConfigDocs = () => readFileSync(docsFile, 'utf8')

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = '../dist/client/producer/options'
  const [{ optionTable }, { refusedOptions }, { classNames }] = await Promise.all(
    ['option-table', 'refused-options', 'class-names'].map(name => import(`${folder}/${name}.js`)),
  )
  const text = renderConfigDocs({ optionTable, refusedOptions, classNames, optionsSource: readOptionsSource() })
  if (!process.argv.includes('--check')) writeFileSync(docsFile, text)
  else if (readConfigDocs() !== text) {
    console.error('docs/configuration.md is stale: run node scripts/make-config-docs.mjs after a build')
    process.exit(1)
  }
}
