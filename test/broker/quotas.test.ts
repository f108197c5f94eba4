import { expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { dataFolder } from './data-folder.ts'
import { batchOf, produceBody } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

/** Of a time that is not in the future of a ManualClock. */
const records = batchOf(['x'.repeat(11_000)], { timestamp: 1_700_000_000_000 })

async function throttleOfProduce(connection: RawConnection, acks = -1): Promise<number> {
  return (await connection.call(apis.produce, 9, produceBody({ acks, records }))).throttleTimeMs
}

const described = async (broker: Broker) => {
  await using connection = await RawConnection.open(broker)
  const answer = await connection.call(apis.describeClientQuotas, 0, { components: [], strict: false })
  return answer.entries!.map(({ entity, values }) => ({ entity, values }))
}

test('startBroker sets quotas; the client pauses on the clock of the broker, and other clients do not notice', async () => {
  const clock = new ManualClock()
  await using broker = await startBroker({
    ...{ clock, topics: { orders: { partitions: 1 } } },
    quotas: [{ clientId: 'raw', producerByteRate: 1_000, consumerByteRate: 5 }],
  })
  await using connection = await RawConnection.open(broker)

  const throttleMs = await throttleOfProduce(connection)
  const next = connection.send(apis.metadata.request, 9, { topics: [] })
  await using unlimited = await RawConnection.open(broker)
  const free = unlimited.send(apis.produce.request, 9, produceBody({ records }), 'other')
  expect((await unlimited.answer(apis.produce.response, 9, free)).throttleTimeMs).toBe(0)

  expect(throttleMs).toBeGreaterThan(1_000)
  clock.advance(throttleMs - 1)
  const later = unlimited.send(apis.metadata.request, 9, { topics: [] }, 'other')
  await unlimited.answer(apis.metadata.response, 9, later)
  expect(connection.hasFrame).toBe(false)
  clock.advance(1)
  expect((await connection.answer(apis.metadata.response, 9, next)).throttleTimeMs).toBe(0)
})

test('acks=0 gets no answer, and is muted all the same', async () => {
  const clock = new ManualClock()
  await using broker = await startBroker({
    ...{ clock, topics: { orders: { partitions: 1 } }, quotas: [{ user: null, producerByteRate: 1_000 }] },
  })
  await using connection = await RawConnection.open(broker)

  connection.send(apis.produce.request, 9, produceBody({ acks: 0, records }))
  const next = connection.send(apis.metadata.request, 9, { topics: [] })
  await expect.poll(() => broker.requestCount('Produce')).toBe(1)
  clock.advance(1_000)
  await new Promise(resolve => setImmediate(resolve))
  expect(broker.requestCount('Metadata')).toBe(0)
  clock.advance(1_000)

  await connection.answer(apis.metadata.response, 9, next)
})

test('each broker counts for itself, and a user is told by SASL', async () => {
  await using broker = await startBroker({
    brokers: 3,
    topics: { orders: { partitions: 1 } },
    quotas: [{ user: 'ann', producerByteRate: 1_000 }],
    sasl: { mechanisms: ['PLAIN'], users: { ann: 'secret', bob: 'secret' } },
  })
  const { leader } = broker.partition('orders', 0)
  const throttleOf = async (user: string) => {
    await using connection = await RawConnection.open(broker, leader)
    await connection.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
    const authBytes = Buffer.from(`\0${user}\0secret`)
    await connection.call(apis.saslAuthenticate, 2, { authBytes })
    return await throttleOfProduce(connection)
  }

  expect(await throttleOf('bob')).toBe(0)
  const first = await throttleOf('ann')
  expect(first).toBeGreaterThan(1_000)
  expect(await throttleOf('ann')).toBeGreaterThan(first + 5_000)
  const another = leader === 1 ? 2 : 1
  broker.moveLeader('orders', 0, another)
  await using connection = await RawConnection.open(broker, another)
  await connection.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
  await connection.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0ann\0secret') })
  expect(await throttleOfProduce(connection)).toBeLessThanOrEqual(first)
})

test('CreatePartitions and DeleteTopics count partitions as well', async () => {
  const clock = new ManualClock()
  await using broker = await startBroker({
    ...{ clock, topics: { orders: { partitions: 1 }, old: { partitions: 4 } } },
    quotas: [{ clientId: null, controllerMutationRate: 0.5 }],
  })
  await using connection = await RawConnection.open(broker)
  const grow = async (count: number, version: number) => {
    const body = { topics: [{ name: 'orders', count, assignments: null }], timeoutMs: 1, validateOnly: false }
    const { results, throttleTimeMs } = await connection.call(apis.createPartitions, version, body)
    return { error: results[0]!.errorCode, throttleTimeMs }
  }
  const drop = async (version: number) => {
    const names = version >= 6 ? { topics: [{ name: 'old' }] } : { topicNames: ['old'] }
    const { responses, throttleTimeMs } = await connection.call(apis.deleteTopics, version, { ...names, timeoutMs: 1 })
    return { error: responses[0]!.errorCode, throttleTimeMs }
  }
  const tooMuch = { error: errorNumber('THROTTLING_QUOTA_EXCEEDED'), throttleTimeMs: 1_000 }

  // Five and a half are there.
  expect(await grow(7, 3)).toEqual({ error: 0, throttleTimeMs: 0 })
  expect(await drop(6)).toEqual(tooMuch)
  clock.advance(1_000)
  expect(await drop(6)).toEqual({ error: 0, throttleTimeMs: 0 })
  expect(await grow(8, 3)).toMatchObject({ error: errorNumber('THROTTLING_QUOTA_EXCEEDED'), throttleTimeMs: 8_000 })
  expect(broker.topics).toEqual(['orders'])
  clock.advance(8_000)
  expect(await grow(9, 2)).toEqual({ error: 0, throttleTimeMs: 4_000 })
})

test('quotas and the configuration of brokers outlive the broker in its data folder', async () => {
  using folder = dataFolder()
  const options: BrokerOptions = {
    dataDir: folder.path,
    topics: ['orders'],
    quotas: [{ clientId: 'a', producerByteRate: 1 }],
  }
  const before = await startBroker(options)
  {
    await using connection = await RawConnection.open(before)
    await connection.call(apis.alterClientQuotas, 1, {
      validateOnly: false,
      entries: [
        {
          entity: [{ entityType: 'client-id', entityName: 'a' }],
          ops: [
            { key: 'producer_byte_rate', value: 7, remove: false },
            { key: 'request_percentage', value: 0.25, remove: false },
          ],
        },
        {
          entity: [{ entityType: 'ip', entityName: null }],
          ops: [{ key: 'connection_creation_rate', value: 3, remove: false }],
        },
      ],
    })
    const set = (resourceName: string, name: string, value: string) => ({
      ...{ resourceType: 4, resourceName, configs: [{ name, configOperation: 0, value }] },
    })
    const resources = [
      set('1', 'log.retention.ms', '77'),
      set('', 'message.max.bytes', '5000'),
      set('', 'of.a.plugin', 'x'),
    ]
    const { responses } = await connection.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })
    expect(responses.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0])
  }
  await before.close()

  await using after = await startBroker({ ...options, quotas: [{ clientId: 'a', producerByteRate: 2 }] })

  expect(await described(after)).toEqual([
    {
      entity: [{ entityType: 'client-id', entityName: 'a' }],
      values: [
        { key: 'producer_byte_rate', value: 2 },
        { key: 'request_percentage', value: 0.25 },
      ],
    },
    { entity: [{ entityType: 'ip', entityName: null }], values: [{ key: 'connection_creation_rate', value: 3 }] },
  ])
  await using connection = await RawConnection.open(after)
  const resources = ['1', ''].map(resourceName => ({ resourceType: 4, resourceName, configurationKeys: null }))
  const asked = [{ resourceType: 2, resourceName: 'orders', configurationKeys: null }, ...resources]
  const { results } = await connection.call(apis.describeConfigs, 4, { resources: asked })
  const value = (index: number, name: string) => results[index]!.configs.find(one => one.name === name)
  expect(value(0, 'retention.ms')).toMatchObject({ value: '77', configSource: 2 })
  expect(value(0, 'max.message.bytes')).toMatchObject({ value: '5000', configSource: 3 })
  expect(value(2, 'of.a.plugin')).toMatchObject({ value: 'x' })

  after.replaceCluster()
  expect(await described(after)).toMatchObject([{ values: [{ key: 'producer_byte_rate', value: 2 }] }])
})

test('a fault fails both APIs', async () => {
  await using broker = await startBroker()
  broker.faults.failBefore('AlterClientQuotas', 'NOT_CONTROLLER')
  broker.faults.failBefore('DescribeClientQuotas', 'REQUEST_TIMED_OUT')
  await using connection = await RawConnection.open(broker)
  const entity = [{ entityType: 'user', entityName: 'u' }]
  const ops = [{ key: 'producer_byte_rate', value: 1, remove: false }]
  const altered = await connection.call(apis.alterClientQuotas, 1, { entries: [{ entity, ops }], validateOnly: false })
  expect(altered.entries).toMatchObject([{ entity, errorCode: errorNumber('NOT_CONTROLLER') }])
  const answer = await connection.call(apis.describeClientQuotas, 1, { components: [], strict: false })
  expect(answer).toMatchObject({ errorCode: errorNumber('REQUEST_TIMED_OUT'), entries: null })
  expect(await described(broker)).toEqual([])
})

test.each<[unknown, RegExp[]]>([
  [{ clientId: 'a' }, [/quotas: .* is not a list/]],
  [[null], [/quotas\[0\]: null is not a quota/]],
  [[{ producerByteRate: 1 }], [/user or clientId has to say whom/]],
  [[{ user: 'u' }], [/it limits nothing/]],
  [
    [{ user: '', clientId: 7, producerByteRate: 1.5, consumerByteRate: 0, controllerMutationRate: '1', rate: 1 }],
    [
      /user: "" is neither/,
      /clientId: 7 is/,
      /cannot be a fractional/,
      /must be greater than 0/,
      /"1" is not a number/,
      /no such quota/,
    ],
  ],
])('wrong quotas are told all at once: %j', async (quotas, messages) => {
  const error = await startBroker({ quotas } as BrokerOptions).then(
    () => null,
    (thrown: unknown) => thrown as Error,
  )
  for (const message of messages) expect(error?.message).toMatch(message)
})
