// Kafka's own ProducerPerformance: the Java producer with a callback a record. Its records have no keys.
// The jars are looked for in --jars, else $KAFKA_JARS, else the newest version in the folder of scripts/kafka.

import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ask, report, settings } from './client.mjs'
import { payloadFile, run, toolReport } from './tool.mjs'

function jarFolder() {
  if (settings.jars) return settings.jars
  if (process.env.KAFKA_JARS) return process.env.KAFKA_JARS
  const cache = process.env.KAFKA_CACHE ?? join(homedir(), '.cache', 'ottla', 'kafka')
  if (!existsSync(cache)) return null
  const versions = readdirSync(cache).filter(version => existsSync(join(cache, version, 'lib')))
  versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  return versions[0] === undefined ? null : join(cache, versions[0], 'lib')
}

const folder = jarFolder()
const tools = folder === null ? undefined : readdirSync(folder).find(name => /^kafka-tools-[\d.]+\.jar$/.test(name))
const java = await run('java', ['-version']).catch(() => null)
if (java === null) {
  report({ missing: 'java is not installed' })
} else if (tools === undefined) {
  report({ missing: 'no folder with kafka-tools jars: give --jars, or fetch them with scripts/kafka' })
} else if (!['throughput-callbacks', 'event-loop'].includes(settings.what)) {
  report({ skipped: 'has one form of sending: by callback' })
} else if (settings.keyed) {
  report({ skipped: 'ProducerPerformance sends no keys' })
} else {
  const options = {
    acks: settings.acks,
    'enable.idempotence': settings.idempotent,
    'max.in.flight.requests.per.connection': settings.inFlight,
    'linger.ms': settings.lingerMs,
    'compression.type': settings.codec,
    ...(settings.batchSize === 'own' ? {} : { 'batch.size': settings.batchSize }),
  }
  const file = await payloadFile({ keyed: false, lines: settings.distinct })
  // The warm-up is part of the same process here, and of what the broker counts.
  const records = settings.records + settings.warmup
  await ask('warm')
  const usage = await toolReport('java', [
    ...['-Xms512m', '-Xmx512m', '-cp', join(folder, '*'), 'org.apache.kafka.tools.ProducerPerformance'],
    ...['--bootstrap-server', settings.bootstrap, '--topic', settings.topic, '--throughput', '-1'],
    ...['--num-records', String(records), '--warmup-records', String(settings.warmup), '--payload-file', file],
    ...['--command-property', ...Object.entries(options).map(([name, value]) => `${name}=${value}`)],
  ])
  const steady = /(\d+) steady state records sent, ([\d.]+) records\/sec/.exec(usage.output)
  const rate = steady ? Number(steady[2]) : Number(/, ([\d.]+) records\/sec[^\n]*$/.exec(usage.output.trim())?.[1])
  report({
    name: 'java',
    version: /kafka-tools-([\d.]+)\.jar/.exec(tools)?.[1],
    options,
    sent: records,
    cpuRecords: records,
    ...usage,
    output: undefined,
    records: settings.records,
    elapsedMs: (1000 * settings.records) / rate,
    note: 'rate after its warm-up; CPU of the whole process, start of the JVM included',
  })
}
