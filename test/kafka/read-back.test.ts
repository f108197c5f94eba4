import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { openClusterWhenReady } from '../../scripts/kafka/cluster.mjs'
import { dumpLog } from './dump-log.ts'
import { writeWithKcat } from './kcat.ts'
import { kcatIsInstalled, readWithConsoleConsumer, readWithKcat } from './read-back.ts'

const kafka = inject('kafka')

/** A topic into which kcat has written what `lines` says, key and value being parted by a colon. */
async function topicWith(lines: string, options: string[]) {
  const cluster = await openClusterWhenReady(kafka.kind === 'own' ? kafka.folder : '')
  const topic = `read-back-${randomUUID().slice(0, 8)}`
  await cluster.createTopic(topic)
  await writeWithKcat(cluster.bootstrapServers, topic, Buffer.from(lines, 'latin1'), options)
  return { cluster, topic }
}

const text = (bytes: Buffer | null) => bytes?.toString() ?? null

test.skipIf(kafka.kind !== 'own' || !kcatIsInstalled)(
  'kcat and the console consumer find the same records',
  async () => {
    const { cluster, topic } = await topicWith('k1:v1\n:empty key\nempty value:\n', [
      '-H',
      'a=1',
      '-H',
      'b=',
      '-H',
      'a=2',
      '-H',
      'null',
      '-Z',
    ])

    const byKcat = await readWithKcat(cluster.bootstrapServers, topic)
    const byJava = await readWithConsoleConsumer(cluster.bootstrapServers, topic)

    expect(byKcat).toEqual(byJava)
    expect(byKcat.map(({ key, value }) => [text(key), text(value)])).toEqual([
      ['k1', 'v1'],
      [null, 'empty key'],
      ['empty value', null],
    ])
    expect(byKcat[0]).toMatchObject({ partition: 0, offset: 0, timestampType: 'create' })
    expect(byKcat[0]?.headers.map(([name, value]) => [name, text(value)])).toEqual([
      ['a', '1'],
      ['b', ''],
      ['a', '2'],
      ['null', null],
    ])
  },
)

test.skipIf(kafka.kind !== 'own' || !kcatIsInstalled)('kcat reads any bytes as they are', async () => {
  const { cluster, topic } = await topicWith('\xff\x00\x80:\x01"\\v\x7f\xc3\x1e\n', ['-H', 'h=\u00fc'])

  const [record] = await readWithKcat(cluster.bootstrapServers, topic)

  expect(record?.key).toEqual(Buffer.from([0xff, 0, 0x80]))
  expect(record?.value).toEqual(Buffer.from([1, 0x22, 0x5c, 0x76, 0x7f, 0xc3, 0x1e]))
  expect(text(record?.headers[0]?.[1] ?? null)).toBe('\u00fc')
})

test.skipIf(kafka.kind !== 'own' || !kcatIsInstalled)('the log shows batches, sequences and codec', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `key: value ${i}\n`).join('')
  const { cluster, topic } = await topicWith(lines, [
    '-z',
    'lz4',
    '-X',
    'enable.idempotence=true',
    '-X',
    'linger.ms=100',
  ])

  const batches = await dumpLog(cluster, topic)

  const records = batches.flatMap(batch => batch.records)
  expect(records).toHaveLength(1000)
  expect(records[7]).toMatchObject({
    offset: 7,
    sequence: 7,
    keySize: 3,
    key: 'key',
    value: ' value 7',
    headerKeys: [],
  })
  expect(batches[0]).toMatchObject({
    baseOffset: 0,
    baseSequence: 0,
    codec: 'lz4',
    isValid: true,
    magic: 2,
    producerEpoch: 0,
  })
  expect(batches[0]?.producerId).toBeGreaterThanOrEqual(0n)
})
