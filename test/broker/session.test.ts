import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { startBroker } from '../../src/broker/index.ts'
import { apis, Reader, readResponseHeader } from '../../src/wire/protocol/index.ts'
import { batchOf, produce, produceBody } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

const produceKey = apis.produce.request.key

test('ApiVersions: Produce is announced from 0 on, so that old librdkafka compresses', async () => {
  await using broker = await startBroker()
  await using connection = await RawConnection.open(broker)
  for (const version of [0, 1, 2, 3, 4]) {
    const body = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
    const answer = await connection.call(apis.apiVersions, version, body)
    expect(answer.errorCode).toBe(0)
    expect(answer.apiKeys.find(({ apiKey }) => apiKey === produceKey)).toMatchObject({ minVersion: 0, maxVersion: 13 })
  }
})

test('ApiVersions: a version that is too new is answered in version 0, with the error and its own versions', async () => {
  await using broker = await startBroker()
  await using connection = await RawConnection.open(broker)
  const frame = Buffer.from([0, 0, 0, 14, 0, 18, 0, 99, 0, 0, 0, 5, 0, 1, 0x78, 0, 0, 0])
  connection.socket.write(frame)
  const reader = new Reader(await connection.frame())
  expect(readResponseHeader(reader, 18, false)).toBe(5)
  const answer = apis.apiVersions.response.read(reader, 0)
  expect(answer.errorCode).toBe(errorNumber('UNSUPPORTED_VERSION'))
  expect(answer.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  expect(reader.remaining).toBe(0)
  expect((await connection.call(apis.metadata, 9, { topics: [] })).brokers).toHaveLength(1)
})

test('Bytes behind the last field of a request are passed over, as librdkafka 2.16 sends them with Metadata', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  await using connection = await RawConnection.open(broker)
  // As librdkafka wrote it: version 13, correlation id 3, client "rdkafka", topics null, two flags, no tags, and 01 00 00.
  const request = Buffer.from('0003000d00000003000772646b61666b610000000000010000', 'hex')
  const size = Buffer.alloc(4)
  size.writeInt32BE(request.length)

  connection.socket.write(Buffer.concat([size, request]))

  const answer = await connection.answer(apis.metadata.response, 13, 3)
  expect(answer.topics.map(({ name }) => name)).toEqual(['orders'])
})

test('ApiVersions: a software name that is none is refused', async () => {
  await using broker = await startBroker()
  await using connection = await RawConnection.open(broker)
  const answer = await connection.call(apis.apiVersions, 3, { clientSoftwareName: '-', clientSoftwareVersion: '1' })
  expect(answer.errorCode).toBe(errorNumber('INVALID_REQUEST'))
})

test('it looks as old as it is told to', async () => {
  await using broker = await startBroker({ asVersion: '2.1', maxVersions: { Metadata: 5, CreateTopics: null } })
  await using connection = await RawConnection.open(broker)
  const { apiKeys } = await connection.call(apis.apiVersions, 0, {})
  const max = new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
  expect(max.get(produceKey)).toBe(7)
  expect(max.get(apis.metadata.request.key)).toBe(5)
  expect(max.has(apis.createTopics.request.key)).toBe(false)
  expect(max.has(apis.describeCluster.request.key)).toBe(false)
  connection.send(apis.metadata.request, 6, { topics: [] })
  await connection.closed
})

for (const [name, bytes] of [
  ['an API that is not there', Buffer.from([0, 0, 0, 10, 3, 0xe7, 0, 0, 0, 0, 0, 1, 0, 0])],
  ['Produce v2', Buffer.from([0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0])],
  ['a length of 2 GiB', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
  ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['an empty frame', Buffer.from([0, 0, 0, 0])],
  ['a request of a browser', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a TLS hello', Buffer.from([0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3])],
  [
    'an array longer than its frame',
    Buffer.from([0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
  ],
] as const)
  test(`${name} closes its own connection, and no other`, async () => {
    await using broker = await startBroker()
    await using hostile = await RawConnection.open(broker)
    await using other = await RawConnection.open(broker)
    hostile.socket.write(bytes)
    await hostile.closed
    expect((await other.call(apis.metadata, 9, { topics: [] })).brokers).toHaveLength(1)
    await expect.poll(() => broker.connections()).toBe(1)
  })

test('many requests sent at once are answered in their order', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  await using connection = await RawConnection.open(broker)
  const ids: number[] = []
  for (let turn = 0; turn < 200; turn++)
    ids.push(connection.send(apis.produce.request, 9, produceBody({ records: batchOf([`v${turn}`]) })))
  for (const [turn, id] of ids.entries()) {
    const { responses } = await connection.answer(apis.produce.response, 9, id)
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: BigInt(turn) })
  }
})

test('a client that does not read its answers is not read from either, and costs a bounded amount of memory', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } }, requestLogSize: 0 })
  await using reading = await RawConnection.open(broker)
  await produce(reading, { records: batchOf(['x'.repeat(900_000)]) })
  const socket = connect({ host: '127.0.0.1', port: broker.ports.get(1)! })
  socket.on('error', () => {})
  socket.pause()
  const body = {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }] }],
  }
  const request = apis.fetch.request.encode(body, 11)
  const header = Buffer.from([0, 0, 0, 0, 0, 1, 0, 11, 0, 0, 0, 1, 0xff, 0xff])
  header.writeInt32BE(10 + request.length)
  for (let turn = 0; turn < 1000; turn++) socket.write(Buffer.concat([header, request]))
  for (let turn = 0; turn < 50; turn++) await reading.call(apis.metadata, 9, { topics: [] })
  expect(broker.requestCount('Fetch')).toBeLessThan(50)
  socket.destroy()
})

test('closing frees the port and all connections, and await using does it too', async () => {
  let port: number
  let client: RawConnection
  {
    await using broker = await startBroker()
    port = broker.ports.get(1)!
    client = await RawConnection.open(broker)
    await client.call(apis.metadata, 9, { topics: [] })
  }
  await client.closed
  await using again = await startBroker({ port })
  expect(again.bootstrapServers).toBe(`127.0.0.1:${port}`)
})

test('closing does not wait for requests that are held, delayed or waiting for data', async () => {
  const broker = await startBroker({ topics: ['orders'] })
  await using holding = await RawConnection.open(broker)
  await using delayed = await RawConnection.open(broker)
  await using waiting = await RawConnection.open(broker)
  broker.faults.hold('Produce')
  broker.faults.delay('Metadata', 600_000)
  const all = Promise.all(
    ['Produce', 'Metadata', 'Fetch'].map(api => broker.waitForRequest(request => request.api === api)),
  )
  holding.send(apis.produce.request, 9, produceBody({ records: batchOf(['a']) }))
  delayed.send(apis.metadata.request, 9, { topics: [] })
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }]
  waiting.send(apis.fetch.request, 11, { maxWaitMs: 600_000, minBytes: 1, topics: [{ topic: 'orders', partitions }] })
  await all
  await broker.close()
  await Promise.all([holding.closed, delayed.closed, waiting.closed])
})

test('a port in use is told with what to change', async () => {
  await using broker = await startBroker()
  const port = broker.ports.get(1)!
  await expect(startBroker({ port })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: `port ${port} on 127.0.0.1 is in use; choose another with the option port (0: any free one)`,
  })
})

test('wrong options are told all at once', async () => {
  const options = {
    port: -1,
    host: '0.0.0.0',
    brokers: 2,
    numPartitions: 0,
    asVersion: '1.0',
    maxVersions: { Produse: 3 },
    topics: { 'no way': {}, fine: { partitions: 0, config: { 'max.message.bytes': 'many', nonsense: 1 } } },
    colour: 'red',
  }
  const error = await startBroker(options as never).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'INVALID_CONFIG' })
  const told = (error as { problems: { option: string }[] }).problems.map(({ option }) => option)
  expect(told.sort()).toEqual([
    'asVersion',
    'brokers',
    'colour',
    'host',
    'maxVersions',
    'numPartitions',
    'port',
    'topics',
    'topics.fine.config',
    'topics.fine.config',
    'topics.fine.partitions',
  ])
})
