import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeCluster } from '../../scripts/kafka/admin.mjs'
import { oldestKafka } from '../../scripts/kafka/versions.mjs'
import { createProducer } from '../../src/index.ts'
import { codecNames } from '../../src/wire/compression/index.ts'
import { builtCommand } from '../cli/built-command.ts'
import { runCommand, startCommand, until } from '../cli/run-command.ts'
import { mixedRecords } from '../interop/mixed-records.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { type Loss, loseTheLeader } from '../kafka/lose-the-leader.ts'
import { type FoundRecord, kcatIsInstalled, readWithKcat } from '../kafka/read-back.ts'

let main: string
beforeAll(async () => {
  main = await builtCommand()
})

const kafkajs = (kafka: BrokerUnderTest) =>
  new Kafka({ clientId: 'kafkajs', brokers: kafka.bootstrapServers.split(','), logLevel: logLevel.NOTHING })

type Shown = string | null | { readonly base64: string }
const bytesOf = (shown: Shown) =>
  shown === null ? null : typeof shown === 'string' ? Buffer.from(shown) : Buffer.from(shown.base64, 'base64')

type Read = Omit<FoundRecord, 'timestampType'>

/** What `ottla tail --json` shows, partition by partition. */
async function tailed(kafka: BrokerUnderTest, topic: string, ...flags: string[]): Promise<Read[]> {
  const args = ['tail', topic, '-b', kafka.bootstrapServers, '--no-follow', '--json', '--from', 'beginning', ...flags]
  const { code, stdout, stderr } = await runCommand(main, args)
  expect([code, stderr]).toEqual([0, ''])
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
    .map(({ partition, offset, timestamp, key, value, headers }) => {
      const pairs = (headers as [string, Shown][]).map(([name, header]): [string, Buffer | null] => [
        name,
        bytesOf(header),
      ])
      return { partition, offset, timestamp, key: bytesOf(key), value: bytesOf(value), headers: pairs }
    })
    .sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

const withoutType = (records: readonly FoundRecord[]): Read[] => records.map(({ timestampType: _, ...rest }) => rest)

describeOnEachBroker(
  'Reading back',
  ({ kafka }) => {
    describe('ottla tail', () => {
      test.each(codecNames)('finds with %s what kcat finds', async compressionType => {
        const topic = await kafka.createTopic({ partitions: 3 })
        await using producer = createProducer({
          bootstrapServers: kafka.bootstrapServers,
          compressionType,
          lingerMs: 5,
        })
        await producer.sendAll(mixedRecords(3000).map(record => ({ topic, ...record })))
        await producer.send({
          topic,
          key: Buffer.from([0xff]),
          value: Buffer.from([0xc3, 0x28]),
          headers: [['h', Buffer.from([0x80])]],
        })

        const found = await tailed(kafka, topic)

        expect(found.length).toBe(3001)
        expect(found).toEqual(withoutType(await kafka.readBack(topic)))
      })

      test('shows the time that the broker has set', async () => {
        const topic = await kafka.createTopic({ config: { 'message.timestamp.type': 'LogAppendTime' } })
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
        await producer.send({ topic, value: 'v', timestamp: 1_000_000 })

        const found = await tailed(kafka, topic)

        expect(found[0]!.timestamp).toBeGreaterThan(1_600_000_000_000)
        expect(found).toEqual(withoutType(await kafka.readBack(topic)))
      })

      test('begins at an offset, so many before the end, or at a time', async () => {
        const topic = await kafka.createTopic({ partitions: 2 })
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
        const at = Date.now() - 3_600_000
        for (let value = 0; value < 40; value++)
          await producer.send({ topic, partition: value % 2, value: `${value}`, timestamp: at + value * 1000 })

        const values = async (...flags: string[]) =>
          (await tailed(kafka, topic, ...flags)).map(({ value }) => Number(value))

        expect(await values('--from', '18')).toEqual([36, 38, 37, 39])
        expect(await values('--from', '-1')).toEqual([38, 39])
        expect(await values('--from', new Date(at + 35_500).toISOString())).toEqual([36, 38, 37, 39])
        expect(await values('--from', `@${at + 37_000}`, '-p', '1')).toEqual([37, 39])
        expect(await values('--from', 'end')).toEqual([])
      })

      test('reads partitions that are added, from their beginning', async () => {
        const topic = await kafka.createTopic()
        const client = kafkajs(kafka)
        const args = [
          'tail',
          topic,
          '-b',
          kafka.bootstrapServers,
          '-X',
          'metadata.max.age.ms=300',
          '--offsets',
          '--from',
          '0',
        ]
        const { child, written, ended } = startCommand(main, args)
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, metadataMaxAgeMs: 300 })
        await producer.send({ topic, partition: 0, value: 'first' })
        await until(() => written.stdout === '0:0\tfirst\n')
        const admin = client.admin()
        await admin.connect()
        await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
        await admin.disconnect()

        await producer.send({ topic, partition: 1, value: 'second' })
        await until(() => written.stdout === '0:0\tfirst\n1:0\tsecond\n')
        child.kill('SIGINT')

        expect((await ended).code).toBe(130)
      })

      test.skipIf(!kcatIsInstalled)('shows of transactions what kcat shows, in both isolations', async () => {
        const topic = await kafka.createTopic({ partitions: 2 })
        const client = kafkajs(kafka)
        const writer = () =>
          client.producer({ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 })
        const [one, two, plain] = [writer(), writer(), client.producer()]
        await Promise.all([one.connect(), two.connect(), plain.connect()])
        const messages = (text: string) => [0, 1].map(partition => ({ partition, key: text, value: text.repeat(50) }))

        // Two writers whose transactions interleave, and one without.
        for (let round = 0; round < 6; round++) {
          const [first, second] = [await one.transaction(), await two.transaction()]
          await first.send({ topic, messages: messages(`one-${round}`) })
          await second.send({ topic, messages: messages(`two-${round}`) })
          await plain.send({ topic, messages: messages(`plain-${round}`) })
          await first.send({ topic, messages: messages(`one-again-${round}`) })
          await (round % 2 === 0 ? first.abort() : first.commit())
          await (round % 3 === 0 ? second.abort() : second.commit())
        }
        const open = await one.transaction()
        await open.send({ topic, messages: messages('open') })
        await plain.send({ topic, messages: messages('behind the open one') })
        const [uncommitted, committed] = [await tailed(kafka, topic), await tailed(kafka, topic, '--read-committed')]
        const theirs = [
          withoutType(await readWithKcat(kafka.bootstrapServers, topic)),
          withoutType(await readWithKcat(kafka.bootstrapServers, topic, 'read_committed')),
        ]
        await open.abort()
        const ended = await tailed(kafka, topic, '--read-committed')
        const theirsEnded = withoutType(await readWithKcat(kafka.bootstrapServers, topic, 'read_committed'))
        await Promise.all([one.disconnect(), two.disconnect(), plain.disconnect()])

        expect(uncommitted).toEqual(theirs[0])
        expect(committed).toEqual(theirs[1])
        expect(ended).toEqual(theirsEnded)
        // 6 × (2 + 1 + 1) + 2 a partition; of them the first writer's 3 × 2, the second's 4, and all plain ones.
        expect([uncommitted.length, committed.length, ended.length]).toEqual([52, 32, 34])
      })

      // A release that still takes the old message formats, and so keeps them.
      test.skipIf(kafka.kind !== 'kafka')('refuses records of before Kafka 0.11 with a sentence', async ({ skip }) => {
        skip(kafka.version !== oldestKafka, 'this release writes the present format only')
        const topic = await kafka.createTopic({ config: { 'message.format.version': '0.10.2' } })
        const client = kafkajs(kafka)
        const old = client.producer()
        await old.connect()
        await old.send({ topic, messages: [{ value: 'v' }] })
        await old.disconnect()

        const args = ['tail', topic, '-b', kafka.bootstrapServers, '--from', 'beginning']
        const { code, stdout, stderr } = await runCommand(main, args)

        expect([code, stdout]).toEqual([1, ''])
        expect(stderr).toMatch(
          /^ottla tail: .*-0 at offset 0 .*before Kafka 0\.11 \(magic 1\).*\(UNSUPPORTED_FOR_MESSAGE_FORMAT\)\n$/,
        )
      })
    })

    describe('ottla topics', () => {
      const topics = (...args: string[]) => runCommand(main, ['topics', ...args, '-b', kafka.bootstrapServers])

      test('what is created is described, listed and deleted', async () => {
        const name = `ottla-${randomUUID().slice(0, 13)}`
        const { brokers } = await describeCluster(kafka.bootstrapServers)
        const replicas = brokers.length
        const flags = ['--partitions', '4', '--replication-factor', `${replicas}`, '--config', 'retention.ms=7200000']

        const created = await topics('create', name, ...flags)
        const again = await topics('create', name, ...flags)
        const lenient = await topics('create', name, ...flags, '--if-not-exists')
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
        for (const value of ['a', 'b', 'c']) await producer.send({ topic: name, partition: 2, value })
        const described = await topics('describe', name, '--json')
        const state = await describeCluster(kafka.bootstrapServers, name)
        const listed = await topics('list')
        const deleted = await topics('delete', name)
        const missing = await topics('delete', name)
        const gone = await topics('delete', name, '--if-exists')

        expect([created.code, created.stdout, created.stderr]).toEqual([0, `created ${name}\n`, ''])
        expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('TOPIC_ALREADY_EXISTS')])
        expect(lenient.code).toBe(0)
        const { partitions, config } = JSON.parse(described.stdout)
        const known = partitions.map(({ partition, leader, replicas: ids }: Record<string, unknown>) => ({
          partition,
          leader,
          replicas: ids,
        }))
        expect(known).toEqual(
          state.partitions.map(({ partition, leader, replicas: ids }) => ({ partition, leader, replicas: ids })),
        )
        expect(partitions.map((row: { endOffset: number }) => row.endOffset)).toEqual([0, 0, 3, 0])
        expect(config).toContainEqual({ name: 'retention.ms', value: '7200000', origin: 'topic' })
        expect(listed.stdout.split('\n')).toContain(name)
        expect([deleted.code, deleted.stdout, deleted.stderr]).toEqual([0, `deleted ${name}\n`, ''])
        expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('UNKNOWN_TOPIC_OR_PARTITION')])
        expect(gone.code).toBe(0)
      })

      test("what the cluster refuses is told in the cluster's words", async () => {
        const [name, large, wrong] = ['', 'large', 'wrong'].map(each => `ottla-${each}${randomUUID().slice(0, 8)}`) as [
          string,
          string,
          string,
        ]
        const one = ['--partitions', '1', '--replication-factor']

        const replicas = await topics('create', large, ...one, '99')
        const config = await topics('create', wrong, ...one, '1', '--config', 'retention.hours=1')
        const described = await topics('describe', name)

        expect([replicas.code, replicas.stderr]).toEqual([1, expect.stringContaining('(INVALID_REPLICATION_FACTOR)')])
        expect([config.code, config.stderr]).toEqual([1, expect.stringMatching(/retention\.hours.*\(INVALID_CONFIG\)/)])
        expect([described.code, described.stderr]).toEqual([1, expect.stringContaining('it does not exist')])
      })

      // It is made when the first group comes.
      test('an internal topic is not deleted by mistake', async () => {
        const client = kafkajs(kafka)
        const consumer = client.consumer({ groupId: randomUUID(), retry: { retries: 20 } })
        await consumer.connect()
        await consumer.subscribe({ topic: await kafka.createTopic() })
        const joined = new Promise(resolve => consumer.on('consumer.group_join', resolve))
        await consumer.run({ eachMessage: async () => {} })
        await joined
        await consumer.disconnect()

        const { code, stderr } = await topics('delete', '__consumer_offsets')
        const listed = await topics('list', '--internal', '--json')

        expect([code, stderr]).toEqual([
          1,
          expect.stringMatching(/__consumer_offsets is internal.*\n.*nothing was deleted/),
        ])
        const internal = listed.stdout.split('\n').filter(line => line.includes('"internal":true'))
        expect(internal.some(line => line.includes('"__consumer_offsets"'))).toBe(true)
      })
    })
  },
  { oldestToo: true },
)

describeOnEachBroker(
  'Following',
  ({ kafka }) => {
    test.each<Loss>(['moved', 'stopped', 'killed', 'hanging'])(
      'ottla tail shows each record once, in order, though the leader is %s',
      async loss => {
        const topic = await kafka.createTopic({ partitions: 1 })
        // A leader that hangs and stays the leader is given up after this.
        const requestTimeoutMs = 5_000
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, requestTimeoutMs })
        const args = ['tail', topic, '-b', kafka.bootstrapServers, '--from', 'beginning']
        const { child, written, ended } = startCommand(main, [...args, '-X', `request.timeout.ms=${requestTimeoutMs}`])
        let sent = 0
        const send = async (count: number) => {
          for (const end = sent + count; sent < end; sent++) await producer.send({ topic, value: `${sent}` })
        }
        const shown = () => written.stdout.split('\n').filter(line => line !== '')
        await send(100)
        await until(() => shown().length === 100, 60_000)

        let meanwhile = Promise.resolve()
        await loseTheLeader(kafka, topic, loss, () => {
          meanwhile = send(100)
        })
        await meanwhile
        await until(() => shown().length >= sent, 60_000)
        child.kill('SIGINT')
        const { code } = await ended

        expect(code).toBe(130)
        expect(shown()).toEqual(Array.from({ length: 200 }, (_, value) => `${value}`))
      },
    )
  },
  { stopsBrokers: true },
)
