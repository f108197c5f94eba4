import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { javaArguments, runTool } from '../../scripts/kafka/java.mjs'
import { missingForKafka } from '../../scripts/kafka/requirements.mjs'
import { newestKafka } from '../../scripts/kafka/versions.mjs'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce } from '../broker/produce-call.ts'
import { RawConnection } from '../broker/raw-connection.ts'

const consoleConsumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
const missing = missingForKafka()
if (missing.length > 0) process.stderr.write(`SKIPPED: Kafka's group tools were not tried: ${missing.join('; ')}\n`)

describe.skipIf(missing.length > 0)("Kafka's own tools and groups of the embedded broker", () => {
  let broker: Broker
  let connection: RawConnection

  beforeEach(async () => {
    broker = await startBroker({ topics: { orders: { partitions: 2 } } })
    connection = await RawConnection.open(broker)
    for (const partition of [0, 1]) await produce(connection, { partition, records: batchOf([`v${partition}`]) })
  })

  afterEach(async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  })

  const server = () => ['--bootstrap-server', broker.bootstrapServers]

  const groupCommand = async (...args: string[]): Promise<string[][]> => {
    const command = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
    const output = (await runTool(command, [...server(), ...args])).toString()
    return output
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(([first]) => first)
  }

  const consume = async (group: string): Promise<string[]> => {
    const args = [
      '--topic',
      'orders',
      '--group',
      group,
      '--from-beginning',
      '--max-messages',
      '2',
      '--timeout-ms',
      '20000',
    ]
    return (await runTool(consoleConsumer, [...server(), ...args])).toString().trim().split('\n').sort()
  }

  test('the console consumer reads and commits; offsets are described, reset and deleted', async () => {
    expect(await consume('g')).toEqual(['v0', 'v1'])
    const described = await groupCommand('--describe', '--group', 'g')
    expect(described.slice(1).map(row => row.slice(0, 6))).toEqual([
      ['g', 'orders', '0', '1', '1', '0'],
      ['g', 'orders', '1', '1', '1', '0'],
    ])
    await groupCommand('--group', 'g', '--reset-offsets', '--to-earliest', '--topic', 'orders', '--execute')
    expect(broker.groups()[0]!.offsets.map(({ offset }) => offset)).toEqual([0n, 0n])
    expect(await consume('g')).toEqual(['v0', 'v1'])
    await groupCommand('--group', 'g', '--delete-offsets', '--topic', 'orders:1')
    expect(broker.groups()[0]!.offsets.map(({ partition }) => partition)).toEqual([0])
    await groupCommand('--delete', '--group', 'g')
    expect(broker.groups()).toEqual([])
  })

  test('a running consumer is listed and described, and its group is not deleted', async () => {
    const args = [...server(), '--topic', 'orders', '--group', 'live']
    const child = spawn('java', await javaArguments(newestKafka, consoleConsumer, args), { stdio: 'ignore' })
    const ended = once(child, 'close')
    try {
      await broker.waitForRequest('Heartbeat', 30_000)
      const listed = await groupCommand('--list', '--state')
      expect(listed).toContainEqual(['live', 'Stable'])
      const [, row] = await groupCommand('--describe', '--group', 'live', '--members', '--verbose')
      const { memberId } = broker.groups()[0]!.members[0]!
      expect(row!.slice(0, 5)).toEqual(['live', memberId, '/127.0.0.1', 'console-consumer', '2'])
      const refused = await groupCommand('--delete', '--group', 'live')
      expect(refused.flat()).toContain('org.apache.kafka.common.errors.GroupNotEmptyException:')
    } finally {
      child.kill()
      await ended
    }
    expect(broker.groups()).toMatchObject([{ state: 'Empty' }])
  })

  test('kafka-dump-log decodes what the groups have written', async () => {
    expect(await consume('g')).toEqual(['v0', 'v1'])
    const partitions = Array.from({ length: 8 }, (_, partition) => partition)
    const written = partitions.find(index => broker.batches('__consumer_offsets', index).length > 0)!
    const asked = { partition: written, fetchOffset: 0n, partitionMaxBytes: 2 ** 20 }
    const { responses } = await connection.call(apis.fetch, 12, {
      ...{
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 2 ** 20,
        isolationLevel: 0,
        sessionId: 0,
        sessionEpoch: -1,
      },
      topics: [{ topic: '__consumer_offsets', partitions: [asked] }],
      forgottenTopicsData: [],
    })
    const folder = await mkdtemp(join(tmpdir(), 'ottla-offsets-'))
    try {
      const file = join(folder, '00000000000000000000.log')
      await writeFile(file, responses[0]!.partitions[0]!.records!)
      const dumped = (await runTool('DumpLogSegments', ['--offsets-decoder', '--files', file])).toString()
      expect(dumped).toMatch(/"type":"2","data":\{"group":"g"\}/)
      expect(dumped).toMatch(/"protocolType":"consumer","generation":1,"protocol":"range"/)
      expect(dumped).toMatch(/"data":\{"group":"g","topic":"orders","partition":1\}.*"offset":1/)
      expect(dumped).not.toMatch(/isvalid: false/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
