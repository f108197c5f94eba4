import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { runTool } from '../../scripts/kafka/java.mjs'
import { missingForKafka } from '../../scripts/kafka/requirements.mjs'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'
import { dataFolder } from '../broker/data-folder.ts'
import { dumpFolders } from './dump-log.ts'

// Needs Kafka's jars, but none of its brokers.
const kafka = inject('kafka')
const missing = kafka.kind === 'none' ? [kafka.why] : missingForKafka()
if (missing.length > 0)
  process.stderr.write(`SKIPPED: Kafka's dump-log does not read the embedded broker's folder: ${missing.join('; ')}\n`)
const withJars = test.skipIf(missing.length > 0)

withJars("Kafka's own dump-log reads the segments and both indexes of a data folder, compacted ones too", async () => {
  using folder = dataFolder()
  const config = { 'segment.bytes': 100_000, 'index.interval.bytes': 4_096 }
  const broker = await startBroker({
    dataDir: folder.path,
    topics: {
      orders: { partitions: 1, config },
      users: { partitions: 1, config: { ...config, 'cleanup.policy': 'compact' } },
    },
  })
  for (const compressionType of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    await using producer = createProducer({
      ...{ bootstrapServers: broker.bootstrapServers, compressionType, batchSize: 4_096 },
    })
    for (let index = 0; index < 1_000; index++) {
      const value = index % 50 === 49 ? null : `${compressionType} ${index} ${'x'.repeat(index % 200)}`
      for (const topic of ['orders', 'users']) void producer.send({ topic, key: `key ${index % 100}`, value })
    }
    await producer.flush()
  }
  broker.compact('users')
  const written = ['orders', 'users'].map(topic => broker.records(topic))
  const states = ['orders', 'users'].map(topic => broker.partition(topic, 0))
  await broker.close()

  const folders = ['orders-0', 'users-0'].map(name => join(folder.path, name))
  const dumps = await dumpFolders(folders)

  expect(written.map(records => records.length)).toEqual([5_000, 100])
  for (const [index, batches] of dumps.entries()) {
    expect(batches.every(({ isValid }) => isValid)).toBe(true)
    expect(batches.at(-1)!.lastOffset).toBe(Number(states[index]!.endOffset) - 1)
    const read = batches.flatMap(({ records }) => records.map(({ offset, key, value }) => ({ offset, key, value })))
    expect(read).toEqual(
      written[index]!.map(({ offset, key, value }) => {
        return { offset: Number(offset), key: key?.toString(), value: value?.toString() }
      }),
    )
  }

  const indexes = folders.flatMap(path =>
    readdirSync(path).flatMap(name => (/\.(index|timeindex)$/.test(name) ? [join(path, name)] : [])),
  )
  const plain = (await runTool('DumpLogSegments', ['--files', indexes.join(',')])).toString()
  expect(plain.match(/^offset: \d+ position: \d+$/gm)!.length).toBeGreaterThan(20)
  expect(plain.match(/^timestamp: \d+ offset: \d+$/gm)!.length).toBeGreaterThan(5)
  expect(plain).not.toMatch(/mismatch|corrupt|not found|out of order/i)
  for (const check of ['--index-sanity-check', '--verify-index-only']) {
    const told = (await runTool('DumpLogSegments', [check, '--files', indexes.join(',')])).toString()
    expect(told).not.toMatch(/mismatch|corrupt|fail|out of order/i)
  }
})
