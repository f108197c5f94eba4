import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeCluster } from '../../scripts/kafka/admin.mjs'
import { errorNumber } from '../../src/base/errors/index.ts'
import { createProducer } from '../../src/index.ts'
import { apis, type Body, type Draft, type Message, Writer, writeRequestHeader } from '../../src/wire/protocol/index.ts'
import { batchOf, produceBody } from '../broker/produce-call.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

type Alteration = Draft<typeof apis.alterClientQuotas.request>['entries'][number]
type Component = Draft<typeof apis.describeClientQuotas.request>['components'][number]
type Names = Readonly<Record<string, string | null>>

const [exact, standard, any] = [0, 1, 2]

/** A client with an id of its own, as other tests use the same cluster. */
class Client implements AsyncDisposable {
  readonly clientId = `client-${randomUUID()}`
  readonly connection: RawConnection

  constructor(connection: RawConnection) {
    this.connection = connection
  }

  /** Sets its quota, and waits until the broker knows. */
  async limit(quotas: Readonly<Record<string, number>>): Promise<void> {
    const names = { 'client-id': this.clientId }
    await alter(this.connection, [entry(names, quotas)])
    await untilSet(this.connection, names, quotas)
  }

  call<Q extends Message, A extends Message>(
    api: { readonly request: Q; readonly response: A },
    version: number,
    body: Draft<Q>,
  ): Promise<Body<A>> {
    return this.connection.answer(
      api.response,
      version,
      this.connection.send(api.request, version, body, this.clientId),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection[Symbol.asyncDispose]()
  }
}

/** A connection to the leader of partition 0 of a topic. */
async function toLeader(bootstrapServers: string, topic: string): Promise<RawConnection> {
  const { brokers, partitions } = await describeCluster(bootstrapServers, topic)
  const leader = brokers.find(({ id }) => id === partitions[0]!.leader)!
  return RawConnection.to(leader.host, leader.port)
}

const entry = (names: Names, quotas: Readonly<Record<string, number | null>>): Alteration => ({
  entity: Object.entries(names).map(([entityType, entityName]) => ({ entityType, entityName })),
  ops: Object.entries(quotas).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
})

async function alter(connection: RawConnection, entries: Alteration[], validateOnly = false) {
  const answer = await connection.call(apis.alterClientQuotas, 1, { entries, validateOnly })
  return answer.entries.map(({ errorCode }) => errorCode)
}

async function describeQuotas(connection: RawConnection, components: Component[], strict = false) {
  const { errorCode, entries } = await connection.call(apis.describeClientQuotas, 1, { components, strict })
  const found = entries?.map(({ entity, values }) => ({
    ...Object.fromEntries(entity.map(({ entityType, entityName }) => [entityType, entityName])),
    ...Object.fromEntries(values.map(({ key, value }) => [key, value])),
  }))
  return { errorCode, found }
}

/** Kafka's brokers hear of a quota when the controller has written it. */
const untilSet = (connection: RawConnection, names: Names, quotas: object) =>
  expect
    .poll(
      async () => {
        const components = Object.entries(names).map(([entityType, match]) => ({ entityType, matchType: exact, match }))
        return (await describeQuotas(connection, components, true)).found
      },
      { timeout: 20_000 },
    )
    .toEqual([{ ...names, ...quotas }])

describeOnEachBroker('Quotas', ({ kafka }) => {
  // A given cluster's quotas are its owner's.
  const own = test.skipIf(kafka.kind === 'given')

  own('AlterClientQuotas sets, changes and removes; DescribeClientQuotas finds what is asked for', async () => {
    const topic = await kafka.createTopic({ partitions: 1 })
    await using connection = await toLeader(kafka.bootstrapServers, topic)
    const name = `client-${topic}`
    const user = `user-${topic}`
    const byName = [{ entityType: 'client-id', matchType: exact, match: name }]

    expect(
      await alter(connection, [
        entry({ 'client-id': name }, { producer_byte_rate: 1000, consumer_byte_rate: 2000 }),
        entry({ user, 'client-id': name }, { request_percentage: 12.5, controller_mutation_rate: 0.5 }),
        entry({ user, 'client-id': null }, { producer_byte_rate: 3000 }),
      ]),
    ).toEqual([0, 0, 0])
    await untilSet(connection, { 'client-id': name }, { producer_byte_rate: 1000, consumer_byte_rate: 2000 })
    const both = { user, 'client-id': name, request_percentage: 12.5, controller_mutation_rate: 0.5 }
    const ofName = { 'client-id': name, producer_byte_rate: 1000, consumer_byte_rate: 2000 }
    const sorted = async (components: Component[], strict = false) =>
      (await describeQuotas(connection, components, strict)).found!.sort(
        (a, b) => Object.keys(a).length - Object.keys(b).length,
      )
    expect(await sorted(byName)).toEqual([ofName, both])
    expect(await sorted([{ entityType: 'user', matchType: exact, match: user }])).toEqual([
      { user, 'client-id': null, producer_byte_rate: 3000 },
      both,
    ])
    expect(
      await sorted([
        { entityType: 'user', matchType: exact, match: user },
        { entityType: 'client-id', matchType: standard, match: null },
      ]),
    ).toEqual([{ user, 'client-id': null, producer_byte_rate: 3000 }])
    expect(await sorted([...byName, { entityType: 'user', matchType: any, match: null }])).toEqual([both])
    expect(await sorted([{ entityType: 'user', matchType: exact, match: user }], true)).toEqual([])
    expect(await sorted([], true)).toEqual([])
    expect(await sorted([])).toEqual(expect.arrayContaining([both, ofName]))

    expect(await alter(connection, [entry({ 'client-id': name }, { producer_byte_rate: 7 })], true)).toEqual([0])
    await alter(connection, [entry({ 'client-id': name }, { producer_byte_rate: null, consumer_byte_rate: 5 })])
    await untilSet(connection, { 'client-id': name }, { consumer_byte_rate: 5 })
    const everything = { request_percentage: null, controller_mutation_rate: null, producer_byte_rate: null }
    await alter(connection, [
      entry({ 'client-id': name }, { consumer_byte_rate: null }),
      entry({ user, 'client-id': name }, everything),
      entry({ user, 'client-id': null }, everything),
    ])
    await expect.poll(() => sorted([{ entityType: 'user', matchType: exact, match: user }])).toEqual([])
  })

  const invalid: [what: string, entry: Alteration][] = [
    ['an unknown quota', entry({ 'client-id': 'c' }, { no_such_rate: 1 })],
    ['a rate of 0', entry({ 'client-id': 'c' }, { producer_byte_rate: 0 })],
    ['a rate below 0', entry({ 'client-id': 'c' }, { controller_mutation_rate: -1 })],
    ['half a byte', entry({ 'client-id': 'c' }, { producer_byte_rate: 1.5 })],
    ['nobody', entry({}, { producer_byte_rate: 1 })],
    ['an unknown type', entry({ shoe: 'c' }, { producer_byte_rate: 1 })],
    ['an empty name', entry({ 'client-id': '' }, { producer_byte_rate: 1 })],
    ['an ip beside a user', entry({ ip: '127.0.0.1', user: 'u' }, { connection_creation_rate: 1 })],
    ['a byte rate of an ip', entry({ ip: '127.0.0.1' }, { producer_byte_rate: 1 })],
    ['an ip that is none', entry({ ip: 'no.such.host.invalid' }, { connection_creation_rate: 1 })],
    ['a rate that no long holds', entry({ 'client-id': 'c' }, { producer_byte_rate: 1e19 })],
    ['more connections than an int', entry({ ip: '127.0.0.1' }, { connection_creation_rate: 2 ** 31 })],
    [
      'one quota twice',
      {
        ...entry({ 'client-id': 'c' }, {}),
        ops: [1, 2].map(value => ({ key: 'producer_byte_rate', value, remove: false })),
      },
    ],
  ]
  own.each(invalid)('AlterClientQuotas refuses %s', async (_, refused) => {
    await using connection = await RawConnection.to('127.0.0.1', Number(kafka.bootstrapServers.match(/:(\d+)/)![1]))
    expect(await alter(connection, [refused], true)).toEqual([errorNumber('INVALID_REQUEST')])
  })

  own('AlterClientQuotas takes what looks odd as Kafka does', async () => {
    await using connection = await RawConnection.to('127.0.0.1', Number(kafka.bootstrapServers.match(/:(\d+)/)![1]))
    const twice = [
      { entityType: 'client-id', entityName: '' },
      { entityType: 'client-id', entityName: 'c' },
    ]
    const ops = [{ key: 'producer_byte_rate', value: 1, remove: false }]
    expect(await alter(connection, [{ entity: twice, ops }], true)).toEqual([0])
    const remove = [{ key: 'no_such_rate', value: 0, remove: true }]
    expect(await alter(connection, [{ entity: [{ entityType: 'user', entityName: 'u' }], ops: remove }])).toEqual([0])
    expect(await alter(connection, [entry({ ip: '127.0.0.1' }, { connection_creation_rate: 5 })], true)).toEqual([0])
    const same = entry({ 'client-id': 'c' }, { producer_byte_rate: 1 })
    expect(await alter(connection, [same, same], true)).toEqual([errorNumber('INVALID_REQUEST')])
  })

  const wrongFilters: [what: string, components: Component[], error: string][] = [
    ['an unknown type', [{ entityType: 'shoe', matchType: any, match: null }], 'UNSUPPORTED_VERSION'],
    ['an empty type', [{ entityType: '', matchType: any, match: null }], 'INVALID_REQUEST'],
    ['another match', [{ entityType: 'user', matchType: 9, match: null }], 'INVALID_REQUEST'],
    ['a name that is null', [{ entityType: 'user', matchType: exact, match: null }], 'INVALID_REQUEST'],
    ['the default by a name', [{ entityType: 'user', matchType: standard, match: 'u' }], 'INVALID_REQUEST'],
    ['any by a name', [{ entityType: 'user', matchType: any, match: 'u' }], 'INVALID_REQUEST'],
    ['a type twice', [0, 1].map(() => ({ entityType: 'user', matchType: any, match: null })), 'INVALID_REQUEST'],
    [
      'an ip beside a user',
      ['ip', 'user'].map(entityType => ({ entityType, matchType: any, match: null })),
      'INVALID_REQUEST',
    ],
  ]
  own.each(wrongFilters)('DescribeClientQuotas refuses %s', async (_, components, error) => {
    await using connection = await RawConnection.to('127.0.0.1', Number(kafka.bootstrapServers.match(/:(\d+)/)![1]))
    expect(await describeQuotas(connection, components)).toEqual({ errorCode: errorNumber(error), found: undefined })
  })

  own(
    'Produce tells exactly how long the client is over its quota, at once, and nothing is read for as long',
    async () => {
      const topic = await kafka.createTopic({ partitions: 1 })
      await using client = new Client(await toLeader(kafka.bootstrapServers, topic))
      const quota = 1_000
      await client.limit({ producer_byte_rate: quota })
      const body = produceBody({ topic, records: batchOf(['x'.repeat(10_200)]) })
      const writer = new Writer()
      const header = { apiKey: apis.produce.request.key, apiVersion: 9, correlationId: 1, clientId: client.clientId }
      writeRequestHeader(writer, header, true)
      apis.produce.request.write(writer, body as never, 9)
      const size = writer.written().length

      const answer = await client.call(apis.produce, 9, body)
      const answeredAt = performance.now()
      const next = await client.call(apis.metadata, 9, { topics: [] })
      const mutedMs = performance.now() - answeredAt

      expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
      // Ten windows of a second are looked at, and the one that has just begun.
      expect(answer.throttleTimeMs).toBe(Math.round((size / 10 / quota - 1) * 10_000))
      expect(next.throttleTimeMs).toBe(0)
      expect(mutedMs).toBeGreaterThan(answer.throttleTimeMs - 50)
    },
  )

  own('Fetch tells exactly how long the client would be over its quota, and gives the records after that', async () => {
    const topic = await kafka.createTopic({ partitions: 1 })
    await using client = new Client(await toLeader(kafka.bootstrapServers, topic))
    await client.call(apis.produce, 9, produceBody({ topic, records: batchOf(['x'.repeat(10_200)]) }))
    const body = {
      ...{ replicaId: -1, maxWaitMs: 100, minBytes: 1, maxBytes: 1_000_000 },
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }] }],
    }
    const writer = new Writer()
    apis.fetch.response.write(writer, (await client.call(apis.fetch, 12, body)) as never, 12)
    // Counted with the correlation id.
    const size = writer.written().length + 4
    await client.limit({ consumer_byte_rate: 1_000 })

    const first = await client.call(apis.fetch, 12, body)

    expect(first).toMatchObject({ errorCode: 0, throttleTimeMs: size - 10_000, responses: [], sessionId: 0 })
    // What was not given was not counted; one that waits for exactly as long as it was told may be a millisecond early.
    await expect
      .poll(async () => (await client.call(apis.fetch, 12, body)).responses[0]?.partitions[0]?.records?.length ?? 0)
      .toBeGreaterThan(10_200)
  })

  own('Fetch gives no records to a consumer that is over its quota, and the same records later', async () => {
    const topic = await kafka.createTopic({ partitions: 1 })
    await using client = new Client(await toLeader(kafka.bootstrapServers, topic))
    await client.call(apis.produce, 9, produceBody({ topic, records: batchOf(['x'.repeat(5_300)]) }))
    await client.limit({ consumer_byte_rate: 1_000 })
    let session = { sessionId: 0, sessionEpoch: 0 }
    const fetch = async () => {
      const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }]
      const answer = await client.call(apis.fetch, 12, {
        ...{ replicaId: -1, maxWaitMs: 100, minBytes: 1, maxBytes: 1_000_000, ...session },
        topics: [{ topic, partitions }],
      })
      if (answer.sessionId !== 0) session = { sessionId: answer.sessionId, sessionEpoch: session.sessionEpoch + 1 }
      const bytes = answer.responses[0]?.partitions[0]?.records?.length ?? 0
      return { throttleTimeMs: answer.throttleTimeMs, bytes, errorCode: answer.errorCode }
    }

    const first = await fetch()
    const second = await fetch()
    const third = await fetch()

    expect(first).toMatchObject({ throttleTimeMs: 0, errorCode: 0 })
    expect(first.bytes).toBeGreaterThan(5_300)
    // Twice as much as the quota allows in ten seconds, and a little more.
    expect(second).toMatchObject({ bytes: 0, errorCode: 0 })
    expect(second.throttleTimeMs).toBeGreaterThan(0)
    expect(second.throttleTimeMs).toBeLessThan(1_500)
    expect(third.errorCode).toBe(0)
  })

  own(
    'what is beyond controller_mutation_rate is refused, and told to pause; older versions are served first',
    async () => {
      const topic = await kafka.createTopic({ partitions: 1 })
      await using client = new Client(await toLeader(kafka.bootstrapServers, topic))
      // Eleven seconds' worth are there to begin with: 11 partitions, and one more may be overdrawn.
      await client.limit({ controller_mutation_rate: 1 })
      const create = async (version: number, partitions: number) => {
        const name = `mutation-${randomUUID()}`
        const topics = [{ name, numPartitions: partitions, replicationFactor: 1 }]
        const { throttleTimeMs, topics: created } = await client.call(apis.createTopics, version, {
          ...{ topics, timeoutMs: 10_000, validateOnly: true },
        })
        return { throttleTimeMs, error: created[0]!.errorCode }
      }

      const generous = await create(7, 13)
      const refused = await create(7, 1)
      const tolerant = await create(5, 1)

      expect(generous).toEqual({ throttleTimeMs: 0, error: 0 })
      expect(refused.error).toBe(errorNumber('THROTTLING_QUOTA_EXCEEDED'))
      expect(refused.throttleTimeMs).toBeGreaterThan(1_000)
      expect(refused.throttleTimeMs).toBeLessThanOrEqual(2_000)
      expect(tolerant.error).toBe(0)
      expect(tolerant.throttleTimeMs).toBeGreaterThan(0)
    },
  )

  own('a producer over its quota is slowed down, and loses nothing', async () => {
    const topic = await kafka.createTopic({ partitions: 1 })
    await using connection = await toLeader(kafka.bootstrapServers, topic)
    const clientId = `slow-${topic}`
    await alter(connection, [entry({ 'client-id': clientId }, { producer_byte_rate: 18_000 })])
    await untilSet(connection, { 'client-id': clientId }, { producer_byte_rate: 18_000 })
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, clientId, batchSize: 20_000 })

    for (let go = 0; go < 3; go++)
      await producer.sendAll(
        Array.from({ length: 65 }, (_, index) => ({ topic, value: `${go * 65 + index}:${'x'.repeat(1_000)}` })),
      )

    expect(producer.metrics()['produce-throttle-time-max']).toBeGreaterThan(0)
    expect((await kafka.readBack(topic)).map(record => Number(record.value?.toString().split(':')[0]))).toEqual(
      Array.from({ length: 195 }, (_, index) => index),
    )
  })
})
