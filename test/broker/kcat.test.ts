import { describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { kcat, kcatVersion } from './kcat.ts'

if (kcatVersion === null)
  process.stderr.write('SKIPPED: the embedded broker was not tested with kcat, for kcat is not installed here\n')

/** Lines that are worth compressing, each with its key. */
const lines = Array.from(
  { length: 500 },
  (_, index) => [`key-${index % 7}`, `value ${index} ${'abc'.repeat(20)}`] as const,
)
const input = lines.map(([key, value]) => `${key}\t${value}\n`).join('')

const consume = (broker: Broker, ...args: string[]) =>
  kcat(broker.bootstrapServers, ['-C', '-e', '-q', '-o', 'beginning', ...args])

describe.skipIf(kcatVersion === null)('kcat', () => {
  for (const [codec, id] of [
    ['none', 0],
    ['gzip', 1],
    ['snappy', 2],
    ['lz4', 3],
    ['zstd', 4],
  ] as const)
    test(`produces with ${codec}, and consumes what it produced`, async () => {
      await using broker = await startBroker({ topics: { orders: { partitions: 3 } } })
      await kcat(
        broker.bootstrapServers,
        ['-P', '-t', 'orders', '-K', '\t', '-z', codec, '-H', 'source=kcat', '-H', 'n=1'],
        input,
      )

      const stored = broker.records('orders')
      expect(stored).toHaveLength(lines.length)
      for (const { headers } of stored)
        expect(headers.map(([name, value]) => [name, value?.toString()])).toEqual([
          ['source', 'kcat'],
          ['n', '1'],
        ])
      const codecs = [0, 1, 2].flatMap(index => broker.batches('orders', index)).map(batch => batch.codec)
      // librdkafka leaves a batch as it is where compressing it saves nothing.
      expect(Math.max(...codecs)).toBe(id)

      const read = (await consume(broker, '-t', 'orders', '-f', '%p\t%o\t%k\t%s\t%h\n')).trimEnd().split('\n')
      const expected = stored.map(
        ({ partition, offset, key, value }) => `${partition}\t${offset}\t${key}\t${value}\tsource=kcat,n=1`,
      )
      expect(read.sort()).toEqual(expected.sort())
      // The keys' own order is that of the input, partition by partition.
      for (const key of new Set(lines.map(([name]) => name))) {
        const of = stored.filter(record => record.key?.toString() === key).map(({ value }) => value?.toString())
        expect(of).toEqual(lines.filter(([name]) => name === key).map(([, value]) => value))
      }
    })

  test('lists brokers, topics and partitions', async () => {
    await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 4 } } })
    const listed = JSON.parse(await kcat(broker.bootstrapServers, ['-L', '-J'])) as {
      brokers: { id: number; name: string }[]
      topics: { topic: string; partitions: { partition: number; leader: number; isrs: { id: number }[] }[] }[]
    }
    expect(listed.brokers.map(({ name }) => name).sort()).toEqual(broker.bootstrapServers.split(',').sort())
    expect(listed.topics.map(({ topic }) => topic)).toEqual(['orders'])
    const partitions = listed.topics[0]!.partitions
    expect(partitions.map(({ partition, leader }) => [partition, leader])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 1],
    ])
    for (const { isrs } of partitions) expect(isrs).toHaveLength(3)
  })

  test('creates the topic it produces to', async () => {
    await using broker = await startBroker({ numPartitions: 2 })
    await kcat(broker.bootstrapServers, ['-P', '-t', 'fresh'], 'a\nb\n')
    expect(
      broker
        .records('fresh')
        .map(({ value }) => value?.toString())
        .sort(),
    ).toEqual(['a', 'b'])
  })

  test('produces tombstones and empty values', async () => {
    await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders', '-K', ':', '-Z'], 'gone:\nthere:v\n')
    expect(broker.records('orders').map(({ key, value }) => [key?.toString(), value?.toString() ?? null])).toEqual([
      ['gone', null],
      ['there', 'v'],
    ])
  })

  test('produces idempotently, and a lost answer doubles nothing', async () => {
    // Three brokers, because kcat gives up when the only one it knows has closed its connection.
    await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 1 } } })
    broker.faults.loseAnswerAfterAppend('Produce', { times: 2 })
    broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { skip: 2 })
    const settings = [
      'enable.idempotence=true',
      'batch.num.messages=50',
      'retry.backoff.ms=10',
      'reconnect.backoff.ms=10',
    ]
    const args = settings.flatMap(setting => ['-X', setting])
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders', '-K', '\t', ...args], input)
    const stored = broker.records('orders')
    expect(stored.map(({ value }) => value?.toString())).toEqual(lines.map(([, value]) => value))
    expect(stored.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index))
    expect(broker.faults.remaining).toBe(0)
    // What came twice is what the window of duplicates is for.
    const sequences = broker
      .requests('Produce')
      .flatMap(({ batches }) => batches.map(({ baseSequence }) => baseSequence))
    expect(new Set(sequences).size).toBeLessThan(sequences.length)
  })

  test('without acknowledgements', async () => {
    await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders', '-K', '\t', '-X', 'acks=0'], input)
    await expect.poll(() => broker.records('orders').length).toBe(lines.length)
  })

  test('finds another leader when the one it has is stopped', async () => {
    await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 1 } } })
    const fault = broker.faults.closeBefore('Produce', { broker: 1 })
    const stopped = fault.done.then(() => broker.stop(1))
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders', '-K', '\t', '-X', 'enable.idempotence=true'], input)
    await stopped
    expect(broker.records('orders').map(({ value }) => value?.toString())).toEqual(lines.map(([, value]) => value))
    expect(broker.batches('orders', 0).every(({ leaderEpoch }) => leaderEpoch === 1)).toBe(true)
  })

  test('consumes from a timestamp, and from the end', async () => {
    await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders'], 'old\n')
    const [old] = broker.records('orders')
    await expect.poll(() => Date.now()).toBeGreaterThan(old!.timestamp)
    const between = Date.now()
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders'], 'new\n')
    expect(await kcat(broker.bootstrapServers, ['-C', '-e', '-q', '-t', 'orders', '-o', `s@${between}`])).toBe('new\n')
    expect(await kcat(broker.bootstrapServers, ['-C', '-e', '-q', '-t', 'orders', '-o', '-1'])).toBe('new\n')
    expect(await kcat(broker.bootstrapServers, ['-Q', '-t', 'orders:0:-1'])).toContain('orders [0] offset 2')
  })

  test('takes a broker that looks like Kafka 2.1', async () => {
    await using broker = await startBroker({ asVersion: '2.1', topics: { orders: { partitions: 1 } } })
    await kcat(
      broker.bootstrapServers,
      ['-P', '-t', 'orders', '-K', '\t', '-z', 'gzip', '-X', 'enable.idempotence=true'],
      input,
    )
    expect(broker.records('orders')).toHaveLength(lines.length)
    expect(Math.max(...broker.batches('orders', 0).map(({ codec }) => codec))).toBe(1)
  })
})
