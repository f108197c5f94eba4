// Writes docs/metrics.md from what a producer's metrics() says of itself, and from the comparison with Kafka's producer.
// Run after a build: npm run build && node scripts/make-metrics-docs.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { different, missing, tolerances } from './metrics/compared-with-java.mjs'

const docsFile = new URL('../docs/metrics.md', import.meta.url)
const seenFile = new URL('metrics/seen.json', import.meta.url)

/** Every metric that there can be, of a producer with one topic, one broker, one failure and one retry. */
function everyMetric({ readMetrics, ProducerMeters }) {
  const clock = { now: () => 0, wallTime: () => 0 }
  const meters = new ProducerMeters(clock, { samples: 2, windowMs: 30_000 }, 131_072)
  const meter = meters.topic('…')
  meters.broker('…').traffic.sent(1, 0)
  meters.failed(1, { code: '…', outcome: '…' }, meter)
  meters.retried({ writtenCount: 1, queue: { meter } }, '…')
  const gauges = {
    bufferTotalBytes: 0,
    bufferFreeBytes: 0,
    requestsInFlight: 0,
    waitingRecords: 0,
    waitingForMemory: 0,
  }
  const sources = { ...gauges, meters, metadataAgeMs: 0, clientId: '…', version: '…', now: 0, maxIdleMs: 1 }
  const all = new Map()
  for (const metric of readMetrics(sources)) all.set(`${metric.group} ${metric.name}`, metric)
  return [...all.values()]
}

const cell = text => text.replaceAll('|', '\\|')
const code = names => names.map(name => `\`${name}\``).join(', ')

/** What the groups are for, in the order of the document. */
const groups = {
  'producer-metrics': 'Of the producer as a whole. Kafka has them.',
  'producer-topic-metrics': 'Of the records of one topic. Kafka has them. Here `topics` of what `metrics()` gives.',
  'producer-node-metrics': 'Of the requests to one broker. Kafka has them. Here `brokers` of what `metrics()` gives.',
  'app-info': 'Of the program. Kafka has them.',
  'kafka-metrics-count': 'Of the metrics themselves. Kafka has it.',
  'ottla-producer-metrics':
    "What Kafka's producer lacks, of the producer as a whole. Histograms are those of `histograms`.",
  'ottla-producer-topic-metrics': "What Kafka's producer lacks, of one topic.",
  'ottla-producer-node-metrics': "What Kafka's producer lacks, of one broker.",
}

function groupTable(group, metrics) {
  const tags = [...new Set(metrics.flatMap(metric => Object.keys(metric.tags)))]
  const always = tags.filter(tag => metrics.every(metric => tag in metric.tags))
  return [
    `### ${group}`,
    '',
    `${groups[group]} ${always.length === 1 ? 'Tag' : 'Tags'}: ${code(always)}.`,
    '',
    '| metric | type | unit | meaning |',
    '| --- | --- | --- | --- |',
    ...metrics.map(({ name, type, unit, description, tags: own }) => {
      const more = Object.keys(own).filter(tag => !always.includes(tag))
      const meaning = `${description}${more.length === 0 ? '' : `. Also tagged ${code(more)}`}`
      return `| \`${name}\` | ${type} | ${unit} | ${cell(meaning)} |`
    }),
    '',
  ]
}

const percent = ratio => `${Math.round(ratio * 100)} %`

function toleranceText(tolerance) {
  switch (tolerance.kind) {
    case 'equal':
      return 'equal'
    case 'ratio':
      return tolerance.bound === 0 ? `at most ${tolerance.orApart} apart` : `within ${percent(tolerance.bound)}`
    case 'less':
      return `ottla's is ${tolerance.from} to ${tolerance.to} less`
    case 'positive':
      return 'both above 0'
    case 'number':
      return 'both there'
    default:
      throw new Error(`unknown tolerance ${tolerance.kind}`)
  }
}

/** The whole of docs/metrics.md. */
export function renderMetricsDocs({ readMetrics, ProducerMeters, seen }) {
  const all = everyMetric({ readMetrics, ProducerMeters })
  const unknown = all.find(metric => !(metric.group in groups))
  if (unknown !== undefined) throw new Error(`say in this script what group ${unknown.group} is for`)
  const lines = [
    '# Metrics',
    '',
    '<!-- Made by scripts/make-metrics-docs.mjs from the metric table and the comparison with Java; change it there. -->',
    '',
    "`producer.metrics()` has the metrics of Kafka's own producer, under its names, groups and tags, computed over the same windows; and beside them",
    'what that producer lacks: histograms, outcomes by code, causes of retries.',
    '',
    '```js',
    "await producer.send({ topic: 'orders', value: 'one' })",
    '',
    'const metrics = producer.metrics()',
    "console.log(metrics['record-send-rate'], metrics['request-latency-avg'])",
    "console.log(metrics.topics.orders['byte-total'], Object.keys(metrics.brokers))",
    "console.log(metrics.outcomes) // [{ outcome: 'acknowledged', code: 'NONE', records: 1 }]",
    "console.log(metrics.histograms['request-latency'].buckets)",
    'for (const { group, name, tags, type, unit, value } of metrics) console.log(group, name, tags, type, unit, value)',
    '```',
    '',
    '- Nothing is computed until it is read. While records flow there are some additions a batch and a request, none a record.',
    '- A **counter** only grows. A **gauge** is what it says now; one that is a rate, an average or a maximum is taken over the last',
    '  `metricsNumSamples` windows of `metricsSampleWindowMs`, two of half a minute, and the window that has begun. In the first windows a rate',
    '  counts the time that is missing as empty, so that it begins low.',
    '- Where nothing was measured an average or a maximum is `NaN`, as in Kafka.',
    '- A topic or broker that was not used for `metadataMaxIdleMs` is left out, and is back with its totals when used again.',
    '- The names are types: a misspelt one does not compile.',
    '',
    '## All metrics',
    '',
    ...Object.keys(groups).flatMap(group =>
      groupTable(
        group,
        all.filter(metric => metric.group === group),
      ),
    ),
    "## Compared with Java's producer",
    '',
    'A test runs both producers side by side on Kafka, under the same load, and compares what they say: [metrics-as-java.test.ts](../test/interop/metrics-as-java.test.ts).',
    "Each metric of Java's producer is there, but for these:",
    '',
    '| group | metrics | why not |',
    '| --- | --- | --- |',
    ...missing.map(({ group, names, because }) => `| \`${group}\` | ${code(names)} | ${because} |`),
    '',
    "### Differences from Java's producer, on purpose",
    '',
    '| metrics | Java | ottla |',
    '| --- | --- | --- |',
    ...different.map(row => `| ${row.metrics} | ${row.java} | ${row.ottla} |`),
    '',
    '### How near the others are',
    '',
    'What the test holds both to, for the producer and for each topic and broker: three topics of two partitions on three brokers, 200 records of 1000',
    'bytes a second for eight seconds, `linger.ms` 50 (with `lingerWhenIdle`, which is how Java lingers), windows of two seconds, not compressed and with lz4.',
    '',
    '| metrics | tolerance | why |',
    '| --- | --- | --- |',
    ...tolerances.map(({ names, tolerance, compressed, because }) => {
      const text = toleranceText(tolerance) + (compressed ? `; with lz4 ${toleranceText(compressed)}` : '')
      return `| ${code(names)} | ${text} | ${because} |`
    }),
    '',
    'One run, not compressed; totals at the end, the rest while records flowed. Those that were 0 in both are left out.',
    '',
    '| metric | Java | ottla |',
    '| --- | --- | --- |',
    ...seen
      .filter(({ java, ottla }) => java !== 0 || ottla !== 0)
      .map(row => `| \`${row.name}\` | ${row.java} | ${row.ottla} |`),
    '',
  ]
  return lines.join('\n')
}

export const readSeen = () => JSON.parse(readFileSync(seenFile, 'utf8'))
export const readMetricsDocs = () => readFileSync(docsFile, 'utf8')

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = '../dist/client/metrics'
  const [{ readMetrics }, { ProducerMeters }] = await Promise.all(
    ['producer-metrics', 'meters'].map(name => import(`${folder}/${name}.js`)),
  )
  const text = renderMetricsDocs({ readMetrics, ProducerMeters, seen: readSeen() })
  if (!process.argv.includes('--check')) writeFileSync(docsFile, text)
  else if (readMetricsDocs() !== text) {
    console.error('docs/metrics.md is stale: run node scripts/make-metrics-docs.mjs after a build')
    process.exit(1)
  }
}
