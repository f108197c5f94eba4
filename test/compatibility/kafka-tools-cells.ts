import { expect, inject } from 'vitest'
import { describeCluster, endOffsets } from '../../scripts/kafka/admin.mjs'
import { readWithKcat } from '../kafka/read-back.ts'
import { type Cell, describeClient, type Place } from './cells.ts'
import { KafkaTools, withFile } from './kafka-tools.ts'
import { groupCells } from './kafka-tools-groups.ts'
import { transactionCells } from './kafka-tools-transactions.ts'
import { plain, writeRecords } from './library-cells.ts'
import { codecs, readLog } from './log-reader.ts'
import { numbered } from './sample-records.ts'

/** The rows of Kafka's own tools, in one of its releases. */
export function describeKafkaTools(version: string, installed: 'kafkaTools' | 'olderKafkaTools'): void {
  const found = inject('compatibility').installed[installed]
  const tools = new KafkaTools(version)
  describeClient(
    { name: "Kafka's tools", version, table: 'tools', missing: 'missing' in found ? found.missing : undefined },
    [
      ...topicCells(tools),
      ...producerCells(tools),
      ...consumerCells(tools),
      ...groupCells(tools),
      ...transactionCells(tools),
      ...clusterCells(tools),
    ],
  )
}

function topicCells(tools: KafkaTools): Cell[] {
  const topics = (place: Place, ...args: string[]) => tools.run('topics', place, args)
  return [
    {
      operation: 'topics: create, describe, alter, list, delete',
      run: async place => {
        const topic = place.name('t')
        await topics(place, '--create', '--topic', topic, '--partitions', '2', '--config', 'retention.ms=3600000')
        const described = await topics(place, '--describe', '--topic', topic)
        expect(described).toMatch(/PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: .*retention\.ms=3600000/)
        expect(described).toMatch(/Partition: 1\s+Leader: 1\s+Replicas: 1\s+Isr: 1/)

        await topics(place, '--alter', '--topic', topic, '--partitions', '5')
        expect((await describeCluster(place.bootstrapServers, topic)).partitions).toHaveLength(5)

        expect((await topics(place, '--list')).split('\n')).toContain(topic)
        await topics(place, '--delete', '--topic', topic)
        await expect(describeCluster(place.bootstrapServers, topic)).rejects.toThrow('error 3')
      },
    },
    {
      operation: 'configs: describe, alter',
      run: async place => {
        const topic = await place.topic()
        const entity = ['--entity-type', 'topics', '--entity-name', topic]
        const configs = (...args: string[]) => tools.run('configs', place, [...args, ...entity])

        await configs('--alter', '--add-config', 'retention.ms=12345,cleanup.policy=[compact,delete]')
        const described = await configs('--describe')
        expect(described).toContain('retention.ms=12345 ')
        expect(described).toContain('cleanup.policy=compact,delete ')

        await configs('--alter', '--delete-config', 'retention.ms')
        expect(await configs('--describe')).not.toContain('retention.ms=')
        expect(await configs('--describe', '--all')).toContain('retention.ms=604800000 ')
      },
    },
    {
      operation: 'configs: of a broker',
      run: async place => {
        const entity = ['--entity-type', 'brokers', '--entity-name', '1']

        const described = await tools.run('configs', place, ['--describe', '--all', ...entity])

        expect(described).toMatch(/^ {2}message\.max\.bytes=\d+ /m)
      },
    },
    {
      operation: 'get-offsets',
      run: async place => {
        const topic = await place.topic()
        const beginningMs = Date.UTC(2026, 0, 1)
        const records = plain(numbered('v', 10)).map((record, at) => ({
          ...record,
          timestamp: beginningMs + at * 1000,
        }))
        await writeRecords(place, topic, 'none', records)
        const at = async (time: string) =>
          (await tools.run('getOffsets', place, ['--topic', topic, '--time', time])).trim()

        expect(await at('earliest')).toBe(`${topic}:0:0`)
        expect(await at('latest')).toBe(`${topic}:0:10`)
        expect(await at('max-timestamp')).toBe(`${topic}:0:9`)
        expect(await at(String(beginningMs + 5500))).toBe(`${topic}:0:6`)
      },
    },
    {
      operation: 'delete-records',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        await writeRecords(place, topic, 'none', plain(numbered('v', 10)))
        const offsets = JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: 7 }] })

        const printed = await withFile(offsets, file => tools.run('deleteRecords', place, ['--offset-json-file', file]))

        expect(printed).toContain(`partition: ${topic}-0\tlow_watermark: 7`)
        expect((await readWithKcat(place.bootstrapServers, topic)).map(each => each.offset)).toEqual([7, 8, 9])
      },
    },
  ]
}

function producerCells(tools: KafkaTools): Cell[] {
  const property = tools.isAtLeast4 ? '--command-property' : '--producer-property'
  return [
    {
      operation: 'console producer: idempotent',
      run: async place => {
        const topic = await place.topic()
        const values = numbered('v', 50)
        // Without its --timeout each record would wait a second for company, which --sync keeps from coming.
        const options = [
          '--topic',
          topic,
          '--sync',
          '--timeout',
          '1',
          property,
          'enable.idempotence=true',
          property,
          'acks=all',
        ]

        await tools.run('consoleProducer', place, options, { input: `${values.join('\n')}\n` })

        const batches = await readLog(place.bootstrapServers, topic)
        expect(batches.flatMap(batch => batch.records.map(each => each.value?.toString()))).toEqual(values)
        expect(batches.every(batch => batch.producerId >= 0n)).toBe(true)
        expect(batches.map(batch => batch.baseSequence)).toEqual(
          batches.map((_, at) => batches.slice(0, at).reduce((sum, batch) => sum + batch.records.length, 0)),
        )
      },
    },
    {
      operation: 'console producer: each codec',
      run: async place => {
        const lines = numbered('a value much like the others ', 200)
        for (const codec of codecs) {
          const topic = await place.topic()
          const options = ['--topic', topic, '--compression-codec', codec, '--timeout', '50']

          await tools.run('consoleProducer', place, options, { input: `${lines.join('\n')}\n` })

          const batches = await readLog(place.bootstrapServers, topic)
          expect(batches.flatMap(batch => batch.records.map(each => each.value?.toString()))).toEqual(lines)
          expect(new Set(batches.map(batch => batch.codec))).toEqual(new Set([codec]))
        }
      },
    },
    {
      operation: 'producer-perf-test',
      run: async place => {
        const topic = await place.topic({ partitions: 3 })
        const load = ['--topic', topic, '--num-records', '20000', '--record-size', '100', '--throughput', '-1']
        const props = ['--producer-props', `bootstrap.servers=${place.bootstrapServers}`, 'acks=all']

        const printed = await tools.run('producerPerformance', place, [...load, ...props], { alone: true })

        expect(printed).toContain('20000 records sent')
        const ends = await endOffsets(place.bootstrapServers, topic)
        expect(ends.reduce((sum, end) => sum + end, 0)).toBe(20_000)
      },
    },
    {
      operation: 'verifiable producer',
      run: async place => {
        const topic = await place.topic()
        const config = 'enable.idempotence=true\nretries=2147483647\n'
        const option = tools.isAtLeast4 ? '--command-config' : '--producer.config'

        const printed = await withFile(config, file =>
          tools.run('verifiableProducer', place, ['--topic', topic, '--max-messages', '500', option, file]),
        )

        const events = jsonLines(printed)
        expect(events.filter(each => each.name === 'producer_send_success')).toHaveLength(500)
        expect(events.find(each => each.name === 'tool_data')).toMatchObject({ sent: 500, acked: 500 })
        expect(await endOffsets(place.bootstrapServers, topic)).toEqual([500])
      },
    },
  ]
}

function consumerCells(tools: KafkaTools): Cell[] {
  const format = tools.isAtLeast4 ? '--formatter-property' : '--property'
  return [
    {
      operation: 'console consumer: each codec, keys, headers, times',
      run: async place => {
        const topic = await place.topic()
        const timestamp = Date.UTC(2026, 0, 1)
        const headers = [['h', Buffer.from('w')]] as const
        for (const codec of codecs) {
          const records = Array.from({ length: 50 }, (_, at) => ({
            key: Buffer.from(`k${at}`),
            value: at === 7 ? null : Buffer.from(`${codec} ${at}`),
            headers,
            timestamp,
          }))
          await writeRecords(place, topic, codec, records)
        }
        const shown = ['print.key=true', 'print.headers=true', 'print.timestamp=true', 'null.literal=NULL']
        const options = ['--topic', topic, '--from-beginning', '--max-messages', '250']

        const printed = await tools.run('consoleConsumer', place, [
          ...options,
          ...shown.flatMap(each => [format, each]),
        ])

        const wanted = codecs.flatMap(codec =>
          Array.from({ length: 50 }, (_, at) =>
            [`CreateTime:${timestamp}`, 'h:w', `k${at}`, at === 7 ? 'NULL' : `${codec} ${at}`].join('\t'),
          ),
        )
        expect(printed.split('\n').filter(line => line.startsWith('CreateTime'))).toEqual(wanted)
      },
    },
    {
      operation: 'consumer-perf-test',
      run: async place => {
        const topic = await place.topic()
        await writeRecords(place, topic, 'lz4', plain(numbered('v', 3000)))
        const count = tools.isAtLeast4 ? '--num-records' : '--messages'

        const printed = await tools.run('consumerPerformance', place, ['--topic', topic, count, '3000'])

        const row = printed.split('\n').find(line => /^\d{4}-/.test(line)) ?? printed
        expect(row.split(', ')[4]).toBe('3000')
      },
    },
  ]
}

function clusterCells(tools: KafkaTools): Cell[] {
  return [
    {
      operation: 'leader-election',
      run: async place => {
        const topic = await place.topic({ partitions: 2 })
        const which = ['--election-type', 'preferred', '--topic', topic, '--partition', '1']

        const printed = await tools.run('leaderElection', place, which)

        expect(printed).toContain(`Valid replica already elected for partitions ${topic}-1`)
      },
    },
    {
      operation: 'log-dirs',
      run: async place => {
        const topic = await place.topic({ partitions: 2 })
        await writeRecords(place, topic, 'none', plain(numbered('v', 100)))

        const printed = await tools.run('logDirs', place, ['--describe', '--topic-list', topic])

        const { brokers } = JSON.parse(printed.split('\n').find(line => line.startsWith('{')) ?? printed)
        const partitions = brokers[0].logDirs.flatMap((each: { partitions: object[] }) => each.partitions)
        const sizes = Object.fromEntries(
          partitions.map((each: { partition: string; size: number }) => [each.partition, each.size]),
        )
        expect(Object.keys(sizes).sort()).toEqual([`${topic}-0`, `${topic}-1`])
        expect(sizes[`${topic}-0`]).toBeGreaterThan(500)
        expect(sizes[`${topic}-1`]).toBe(0)
      },
    },
    {
      operation: 'features',
      run: async place => {
        const printed = await tools.run('features', place, ['describe'])

        expect(printed).toMatch(
          /Feature: metadata\.version\s+SupportedMinVersion: \S+\s+SupportedMaxVersion: .*\s+Finalized/,
        )
        expect(printed).toMatch(
          /Feature: transaction\.version\s+SupportedMinVersion: 0\s+SupportedMaxVersion: 2\s+Finali/,
        )
      },
    },
    {
      operation: 'cluster: cluster-id',
      run: async place => {
        const printed = await tools.run(
          'cluster',
          place,
          ['cluster-id', '--bootstrap-server', place.bootstrapServers],
          {
            alone: true,
          },
        )

        expect(printed).toMatch(/^Cluster ID: [\w-]{22}$/m)
      },
    },
    {
      operation: 'broker-api-versions',
      run: async place => {
        const printed = await tools.run('apiVersions', place, [])

        expect(printed).toMatch(/^127\.0\.0\.1:\d+ \(id: 1 rack: null.*\) -> \($/m)
        expect(printed).toMatch(/^\tProduce\(0\): 0 to \d+ \[usable: \d+\],?$/m)
        expect(printed).not.toContain('ERROR')
      },
    },
  ]
}

type Event = { name?: string } & Record<string, unknown>

/** What the verifiable tools say: an object a line. */
export const jsonLines = (printed: string): Event[] =>
  printed
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
