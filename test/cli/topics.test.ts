import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { builtCommand } from './built-command.ts'
import { runCommand } from './run-command.ts'

let main: string
let broker: Broker

beforeAll(async () => {
  main = await builtCommand()
  broker = await startBroker({ brokers: 3, autoCreateTopics: false, numPartitions: 5 })
})
afterAll(async () => {
  await broker?.close()
})
afterEach(() => {
  broker.faults.clear()
  for (const topic of broker.topics) broker.deleteTopic(topic)
})

const topics = (...args: string[]) => runCommand(main, ['topics', ...args, '-b', broker.bootstrapServers])
const objects = (stdout: string) => stdout.split('\n').filter(Boolean).map(line => JSON.parse(line)) // biome-ignore format: short

describe('ottla topics create', () => {
  test('creates all that are named, with what is asked for', async () => {
    const flags = ['--partitions', '2', '--replication-factor', '1', '--config', 'retention.ms=60000']

    const { code, stdout, stderr } = await topics('create', 'a', 'b', ...flags, '--config', 'cleanup.policy=compact')

    expect([code, stdout, stderr]).toEqual([0, 'created a\ncreated b\n', ''])
    const described = objects((await topics('describe', 'a', '--json')).stdout)[0]
    expect(described.partitions.map((row: { replicas: number[] }) => row.replicas.length)).toEqual([1, 1])
    expect(described.config).toEqual([
      { name: 'cleanup.policy', value: 'compact', origin: 'topic' },
      { name: 'retention.ms', value: '60000', origin: 'topic' },
    ])
  })

  test('what is not asked for is as the cluster has it', async () => {
    await topics('create', 'a')

    const { partitions } = objects((await topics('describe', 'a', '--json')).stdout)[0]
    expect(partitions.length).toBe(5)
    expect(partitions[0].replicas.length).toBe(3)
  })

  test('a topic that exists is a failure of its own, unless that is said to be fine', async () => {
    broker.createTopic('a')

    const strict = await topics('create', 'a', 'b')
    const lenient = await topics('create', 'a', '--if-not-exists')

    expect([strict.code, strict.stdout]).toEqual([1, 'created b\n'])
    expect(strict.stderr).toMatch(/^ottla topics create: a: .*exists.* \(TOPIC_ALREADY_EXISTS\)\n$/)
    expect([lenient.code, lenient.stdout, lenient.stderr]).toEqual([0, 'a exists already\n', ''])
  })

  test("what the cluster refuses is told in the cluster's words", async () => {
    const { code, stderr } = await topics('create', 'a', '--config', 'retention.hours=1')

    expect(code).toBe(1)
    expect(stderr).toMatch(/a: .*retention\.hours.* \(INVALID_CONFIG\)/)
    expect(broker.topics).toEqual([])
  })

  test('a controller that has moved, is slow or does not answer is asked again', async () => {
    broker.faults.failBefore('CreateTopics', 'NOT_CONTROLLER', { times: 2 })
    broker.faults.closeBefore('CreateTopics')

    const { code, stdout, stderr } = await topics('create', 'a')

    expect([code, stdout, stderr]).toEqual([0, 'created a\n', ''])
    expect(broker.requests('CreateTopics').length).toBeGreaterThanOrEqual(4)
  })

  test('a topic whose first answer was lost counts as created, and it is said that this is not certain', async () => {
    broker.faults.loseAnswerAfterAppend('CreateTopics')

    const { code, stdout, stderr } = await topics('create', 'a')

    expect([code, stdout]).toEqual([0, 'created a\n'])
    expect(stderr).toContain('an answer was lost')
  })

  test('a cluster before 2.4 has no defaults, and that is said', async () => {
    await using old = await startBroker({ asVersion: '2.1' })
    const create = (...args: string[]) =>
      runCommand(main, ['topics', 'create', 'a', '-b', old.bootstrapServers, ...args])

    const without = await create()
    const withBoth = await create('--partitions', '1', '--replication-factor', '1')

    expect([without.code, withBoth.code]).toEqual([1, 0])
    expect(without.stderr).toMatch(/before Kafka 2\.4 .*say how many/)
  })
})

describe('ottla topics list and describe', () => {
  test('list prints names in order, or JSON', async () => {
    for (const topic of ['b', 'a']) broker.createTopic(topic, { partitions: 2, replicationFactor: 1 })

    const names = await topics('list')
    const json = await topics('list', '--json')

    expect([names.code, names.stdout]).toEqual([0, 'a\nb\n'])
    const rest = { internal: false, partitions: 2, replicationFactor: 1 }
    expect(objects(json.stdout)).toEqual([
      { topic: 'a', id: broker.topicId('a'), ...rest },
      { topic: 'b', id: broker.topicId('b'), ...rest },
    ])
  })

  test('describe shows leaders, epochs, replicas, offsets and settings', async () => {
    broker.createTopic('a', { partitions: 2, config: { 'max.message.bytes': 5000 } })
    broker.createTopic('b', { partitions: 1 })
    await runCommand(main, ['produce', '-q', '-b', broker.bootstrapServers, '-t', 'a', '-p', '1'], '1\n2\n3\n')
    broker.moveLeader('a', 1, 3)
    broker.setIsr('a', 1, [3, 1])

    const { code, stdout } = await topics('describe', 'a')
    const all = await topics('describe')

    expect(code).toBe(0)
    expect(stdout).toContain(`a: 2 partitions, 3 replicas, id ${broker.topicId('a')}\n  max.message.bytes=5000\n`)
    expect(stdout).toMatch(/^ +1 +3 +1 +[123],[123],[123] +3,1 +0 +3$/m)
    expect(all.stdout).toMatch(/^a: [\s\S]*\n\nb: 1 partition,/)
  })

  test('a partition without a leader is shown without offsets', async () => {
    broker.createTopic('a', { partitions: 1 })
    broker.moveLeader('a', 0, -1)

    const { code, stdout } = await topics('describe', 'a')

    expect(code).toBe(0)
    expect(stdout).toMatch(/^ +0 +none .* - +-$/m)
  })

  test('what is unknown is named, and the others are described', async () => {
    broker.createTopic('a')

    const { code, stdout, stderr } = await topics('describe', 'nix', 'a')

    expect(code).toBe(1)
    expect(stdout).toMatch(/^a: 5 partitions/)
    expect(stderr).toMatch(/nix: it does not exist.* \(UNKNOWN_TOPIC_OR_PARTITION\)/)
  })
})

describe('ottla topics delete', () => {
  test('deletes what is named, each for itself', async () => {
    for (const topic of ['a', 'b', 'c']) broker.createTopic(topic)

    const { code, stdout, stderr } = await topics('delete', 'a', 'nix', 'b')
    const lenient = await topics('delete', 'nix', '--if-exists')

    expect([code, stdout]).toEqual([1, 'deleted a\ndeleted b\n'])
    expect(stderr).toMatch(/nix: .*does not exist.* \(UNKNOWN_TOPIC_OR_PARTITION\)/)
    expect(broker.topics).toEqual(['c'])
    expect([lenient.code, lenient.stdout, lenient.stderr]).toEqual([0, 'nix does not exist\n', ''])
  })

  test('a topic whose answer was lost counts as deleted', async () => {
    broker.createTopic('a')
    broker.faults.loseAnswerAfterAppend('DeleteTopics')

    const { code, stdout } = await topics('delete', 'a')

    expect([code, stdout, broker.topics]).toEqual([0, 'deleted a\n', []])
  })

  test('an internal topic wants a flag of its own, and without it nothing at all is deleted', async () => {
    for (const topic of ['__consumer_offsets', 'a']) broker.createTopic(topic)
    const marked = ({ topics: rows, ...rest }: { topics: { name: string }[] }) => {
      return { ...rest, topics: rows.map(row => ({ ...row, isInternal: row.name.startsWith('__') })) }
    }
    broker.faults.changeAnswer('Metadata', answer => marked(answer as Parameters<typeof marked>[0]), {
      times: Number.POSITIVE_INFINITY,
    })

    const refused = await topics('delete', 'a', '__consumer_offsets')
    const listed = [(await topics('list')).stdout, (await topics('list', '--internal')).stdout]
    const forced = await topics('delete', '__consumer_offsets', '--force')

    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/__consumer_offsets is internal.*--force/)
    expect(listed).toEqual(['a\n', '__consumer_offsets\na\n'])
    expect([forced.code, broker.topics]).toEqual([0, ['a']])
  })
})

describe('wrong command lines of ottla topics', () => {
  test('all that is wrong is told at once, and nothing is connected to', async () => {
    broker.clearRequests()

    const { code, stderr } = await topics(
      ...['create', 'a b', '--partitions', '0', '--replication-factor', 'x', '--config', 'foo', '-X', 'lingr.ms=1'],
    )

    expect(code).toBe(2)
    for (const part of ['"a b"', '--partitions', '--replication-factor', '--config', 'linger.ms'])
      expect(stderr).toContain(part)
    expect(stderr).toContain('Try: ottla topics create --help')
    expect(broker.requests().length).toBe(0)
  })

  test.each([
    [['topics']],
    [['topics', 'create']],
    [['topics', 'delete']],
    [['topics', 'nix']],
    [['topics', 'list', '--nix']],
  ])('%j', async args => {
    const { code, stderr } = await runCommand(main, args)

    expect(code).toBe(2)
    expect(stderr).not.toBe('')
  })

  test('where nobody listens, one sentence says so', async () => {
    const { code, stderr } = await runCommand(main, ['topics', 'list', '-b', '127.0.0.1:1'])

    expect(code).toBe(1)
    expect(stderr).toMatch(/^ottla topics list: .*127\.0\.0\.1:1.*\n$/)
  })
})
