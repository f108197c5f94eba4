import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DecodeError } from '../../src/base/errors/decode-error.ts'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker, type TelemetryOptions } from '../../src/broker/index.ts'
import { readMetricsData } from '../../src/broker/telemetry/otlp-reader.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { codecById, loadCodecSync } from '../../src/wire/compression/index.ts'
import { apis, type Draft, Reader, readRequestHeader } from '../../src/wire/protocol/index.ts'
import { RawConnection } from './raw-connection.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const subscriptions = { all: { metrics: ['org.apache.kafka.'], intervalMs: 1000 } }

async function setUp(telemetry: TelemetryOptions = { subscriptions }, brokers: 1 | 3 = 1) {
  const clock = new ManualClock()
  const broker = await startBroker({ clock, telemetry, brokers })
  onTestFinished(() => broker.close())
  const client = await connect(broker)
  return { clock, broker, ...client }
}

/** A connection, and the two questions on it. */
async function connect(broker: Broker, brokerId = 1) {
  const connection = await RawConnection.open(broker, brokerId)
  onTestFinished(() => connection[Symbol.asyncDispose]())
  return {
    connection,
    ask: (clientInstanceId = zeroId) => connection.call(apis.getTelemetrySubscriptions, 0, { clientInstanceId }),
    push: async (
      { clientInstanceId, subscriptionId }: { readonly clientInstanceId: string; readonly subscriptionId: number },
      more: Partial<Draft<typeof apis.pushTelemetry.request>> = {},
    ) => {
      const body = {
        clientInstanceId,
        subscriptionId,
        terminating: false,
        compressionType: 0,
        metrics: fromJava,
        ...more,
      }
      return (await connection.call(apis.pushTelemetry, 0, body)).errorCode
    },
  }
}

/** The metrics that a Java producer has pushed to a Kafka broker. */
const fromJava = (() => {
  const recorded = new URL('../conformance/golden-bytes/java-clients-every-api.json', import.meta.url)
  const { exchanges } = JSON.parse(readFileSync(recorded, 'utf8')) as { exchanges: { key: number; request: string }[] }
  const push = exchanges.find(({ key }) => key === 72)!
  const reader = new Reader(Buffer.from(push.request, 'hex'))
  readRequestHeader(reader, () => true)
  const { metrics, compressionType } = apis.pushTelemetry.request.read(reader, 0)
  return codecById(compressionType)!.decompress(metrics, 2 ** 20)
})()

const code = errorNumber

test('without the option telemetry clients are told of no such API, and there is nothing to read', async () => {
  await using broker = await startBroker()
  const { connection } = await connect(broker)

  const { apiKeys } = await connection.call(apis.apiVersions, 0, {})

  const keys = apiKeys.map(({ apiKey }) => apiKey)
  expect(keys).not.toContain(71)
  expect(keys).not.toContain(72)
  expect(() => broker.telemetry()).toThrow(RangeError)
  expect(() => broker.subscribeTelemetry('all', { metrics: ['*'] })).toThrow(/without the option telemetry/)
})

test('what Java has pushed is read', () => {
  const metrics = readMetricsData(fromJava)

  expect(metrics.map(({ name, type, temporality }) => `${name} ${type} ${temporality}`)).toEqual([
    'org.apache.kafka.producer.connection.close.total sum delta',
    'org.apache.kafka.producer.connection.count gauge null',
    'org.apache.kafka.producer.connection.creation.rate gauge null',
    'org.apache.kafka.producer.connection.creation.total sum delta',
    'org.apache.kafka.producer.connection.close.rate gauge null',
  ])
  expect(metrics[3]).toMatchObject({ isMonotonic: true, attributes: {}, resource: {}, unit: '' })
  expect(metrics[3]!.timeUnixNano).toBeGreaterThan(metrics[3]!.startTimeUnixNano)
})

test('a client gets an id and what it is asked for; the same id gets the same subscription, also of another broker', async () => {
  const { ask, broker } = await setUp({ subscriptions }, 3)
  const other = await connect(broker, 2)

  const first = await ask()
  const second = await other.ask(first.clientInstanceId)

  expect(first).toMatchObject({
    ...{ errorCode: 0, pushIntervalMs: 1000, telemetryMaxBytes: 1_048_576, deltaTemporality: true },
    ...{ acceptedCompressionTypes: [4, 3, 1, 2], requestedMetrics: ['org.apache.kafka.'] },
  })
  expect(first.clientInstanceId).not.toBe(zeroId)
  expect(second).toEqual(first)
})

test('several subscriptions are one: all their metrics, in the shortest interval; a star is everything', async () => {
  const { ask, broker } = await setUp({})
  const nothing = await ask()
  broker.subscribeTelemetry('a', { metrics: ['b.', 'a.'], intervalMs: 5000 })
  broker.subscribeTelemetry('b', { metrics: ['a.', 'c.'] })
  const both = await ask(nothing.clientInstanceId)
  broker.subscribeTelemetry('c', { metrics: ['*'], intervalMs: 100 })
  const all = await ask(nothing.clientInstanceId)
  broker.unsubscribeTelemetry('c')
  const again = await ask(nothing.clientInstanceId)

  expect(nothing).toMatchObject({ requestedMetrics: [], pushIntervalMs: 300_000 })
  expect(both).toMatchObject({ requestedMetrics: ['a.', 'b.', 'c.'], pushIntervalMs: 5000 })
  expect(all).toMatchObject({ requestedMetrics: ['*'], pushIntervalMs: 100 })
  expect(again).toEqual(both)
})

test('a subscription may be for some clients alone', async () => {
  const { ask } = await setUp({
    subscriptions: {
      mine: { metrics: ['mine.'], match: ['client_id=ra.', 'client_source_address=127\\.0\\.0\\.1'] },
      others: { metrics: ['others.'], match: ['client_id=r'] },
    },
  })

  expect((await ask()).requestedMetrics).toEqual(['mine.'])
})

describe('a push', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('with %s is taken, and told', async name => {
    const { ask, push, broker, clock } = await setUp()
    const subscription = await ask()
    const codec = loadCodecSync(name)
    const metrics = Buffer.from(codec.compress(fromJava))

    expect(await push(subscription, { compressionType: codec.id, metrics })).toBe(0)

    expect(broker.telemetry()).toEqual([
      {
        ...{ at: clock.now(), broker: 1, clientId: 'raw', clientInstanceId: subscription.clientInstanceId },
        ...{ isTerminating: false, codec: codec.id, sizeInBytes: metrics.length, metrics: readMetricsData(fromJava) },
      },
    ])
    broker.clearTelemetry()
    expect(broker.telemetry()).toEqual([])
  })

  test('before its time is THROTTLING_QUOTA_EXCEEDED, but for the first and the last', async () => {
    const { ask, push, clock } = await setUp()
    const subscription = await ask()

    const codes = [await push(subscription), await push(subscription)]
    clock.advance(999)
    codes.push(await push(subscription))
    clock.advance(1)
    codes.push(await push(subscription), await push(subscription, { terminating: true }))

    const throttled = code('THROTTLING_QUOTA_EXCEEDED')
    expect(codes).toEqual([0, throttled, throttled, 0, 0])
  })

  test('after the last is INVALID_REQUEST, as is one without an id', async () => {
    const { ask, push, clock } = await setUp()
    const subscription = await ask()
    await push(subscription, { terminating: true })
    clock.advance(1000)

    expect(await push(subscription)).toBe(code('INVALID_REQUEST'))
    expect(await push({ ...subscription, clientInstanceId: zeroId })).toBe(code('INVALID_REQUEST'))
  })

  test('for a subscription that has changed is UNKNOWN_SUBSCRIPTION_ID; the client may ask at once, and push when its time has come', async () => {
    const { ask, push, broker, clock } = await setUp()
    const subscription = await ask()
    await push(subscription)
    broker.subscribeTelemetry('all', { metrics: ['*'], intervalMs: 1000 })

    expect(await push(subscription)).toBe(code('UNKNOWN_SUBSCRIPTION_ID'))
    const next = await ask(subscription.clientInstanceId)
    expect(next).toMatchObject({ errorCode: 0, requestedMetrics: ['*'] })
    expect(next.subscriptionId).not.toBe(subscription.subscriptionId)
    expect(await push(next)).toBe(code('THROTTLING_QUOTA_EXCEEDED'))
    clock.advance(1000)
    expect(await push(next)).toBe(0)
  })

  test('with a codec that nobody knows is UNSUPPORTED_COMPRESSION_TYPE, and so is one that a test has not named', async () => {
    const { ask, push, clock } = await setUp({ subscriptions, compressionTypes: [1] })
    const subscription = await ask()

    expect(await push(subscription, { compressionType: 4 })).toBe(code('UNSUPPORTED_COMPRESSION_TYPE'))
    expect((await ask(subscription.clientInstanceId)).errorCode).toBe(0)
    clock.advance(1000)
    expect(await push(subscription, { compressionType: 9 })).toBe(code('UNSUPPORTED_COMPRESSION_TYPE'))
  })

  test('that is too large, packed or unpacked, is TELEMETRY_TOO_LARGE', async () => {
    const { ask, push, clock } = await setUp({ subscriptions, maxBytes: fromJava.length - 1 })
    const subscription = await ask()
    const packed = Buffer.from(loadCodecSync('zstd').compress(fromJava))
    expect(packed.length).toBeLessThan(fromJava.length - 1)

    expect(await push(subscription)).toBe(code('TELEMETRY_TOO_LARGE'))
    clock.advance(1000)
    expect(await push(subscription, { compressionType: 4, metrics: packed })).toBe(code('TELEMETRY_TOO_LARGE'))
  })

  test.each([
    ['no OTLP', 0, Buffer.from('0aff', 'hex')],
    ['nothing that zstd has written', 4, Buffer.from('no zstd')],
  ])('with %s is INVALID_RECORD', async (_, compressionType, metrics) => {
    const { ask, push, broker } = await setUp()

    expect(await push(await ask(), { compressionType, metrics })).toBe(code('INVALID_RECORD'))
    expect(broker.telemetry()).toEqual([])
  })

  test('is forgotten with the oldest where they take too much', async () => {
    const { ask, push, broker, clock } = await setUp({ subscriptions, maxBytes: 2 ** 23 })
    const subscription = await ask()
    // An unknown field of 6 MiB.
    const metrics = Buffer.concat([Buffer.from('a20680808003', 'hex'), Buffer.alloc(6 * 2 ** 20)])
    for (let count = 0; count < 4; count++) {
      expect(await push(subscription, { metrics })).toBe(0)
      clock.advance(1000)
    }

    expect(broker.telemetry()).toHaveLength(2)
  })
})

test('a question before its time is THROTTLING_QUOTA_EXCEEDED; a new connection is another client', async () => {
  const { ask, connection, broker } = await setUp()
  const { clientInstanceId } = await ask()

  expect((await ask(clientInstanceId)).errorCode).toBe(code('THROTTLING_QUOTA_EXCEEDED'))
  await connection[Symbol.asyncDispose]()
  await expect.poll(() => broker.connections()).toBe(0)
  const next = await connect(broker)
  expect((await next.ask(clientInstanceId)).errorCode).toBe(0)
})

test('faults are done to both: before, instead of what would have happened; after, on top of it', async () => {
  const { ask, push, broker, clock } = await setUp()
  broker.faults.failBefore('GetTelemetrySubscriptions', 'CLUSTER_AUTHORIZATION_FAILED')
  expect((await ask()).errorCode).toBe(code('CLUSTER_AUTHORIZATION_FAILED'))
  const subscription = await ask()
  broker.faults.failBefore('PushTelemetry', 'INVALID_RECORD')
  broker.faults.failAfter('PushTelemetry', 'UNKNOWN_SERVER_ERROR')

  expect(await push(subscription)).toBe(code('INVALID_RECORD'))
  expect(broker.telemetry()).toHaveLength(0)
  expect(await push(subscription)).toBe(code('UNKNOWN_SERVER_ERROR'))
  expect(broker.telemetry()).toHaveLength(1)
  clock.advance(1000)
  expect(await push(subscription)).toBe(0)
})

test('wrong subscriptions are refused, all of them at once', async () => {
  const { broker } = await setUp()
  const wrong = startBroker({
    telemetry: {
      maxBytes: 0,
      compressionTypes: [1.5],
      subscriptions: {
        a: { metrics: 'all' as never },
        b: { metrics: [], intervalMs: 99 },
        c: { metrics: [], match: ['client_software_name=x'] },
        d: { metrics: [], match: ['client_id=('] },
      },
    },
  })

  await expect(wrong).rejects.toMatchObject({
    problems: ['a', 'b', 'c', 'd']
      .map(name => ({ option: `telemetry.subscriptions.${name}` }))
      .concat(['maxBytes', 'compressionTypes'].map(name => ({ option: `telemetry.${name}` }))),
  })
  expect(() => broker.subscribeTelemetry('x', { metrics: [], intervalMs: 3_600_001 })).toThrow(/3600000/)
})

test('bytes that are no message, or too many points, are refused and take no memory', () => {
  const point = Buffer.from('0a00', 'hex')
  const points = Buffer.concat(Array.from({ length: 100_001 }, () => point))
  const around = (number: number, bytes: Buffer) => {
    const length: number[] = []
    for (let rest = bytes.length; ; rest >>>= 7) {
      length.push(rest < 128 ? rest : (rest & 127) | 128)
      if (rest < 128) return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes])
    }
  }

  for (const bytes of ['0a', '0a05', '07', '00', '0affffffffffffffffffffff', '0bff'])
    expect(() => readMetricsData(Buffer.from(bytes, 'hex')), bytes).toThrow(DecodeError)
  expect(() => readMetricsData(around(1, around(2, around(2, around(5, points)))))).toThrow(/100000 data points/)
})

describe('as configuration of the resource "client metrics"', () => {
  const clientMetrics = 16
  const [set, remove, append] = [0, 1, 2]

  async function setUpConfigs(telemetry?: TelemetryOptions) {
    const broker = await startBroker(telemetry && { telemetry })
    onTestFinished(() => broker.close())
    const client = await connect(broker)
    const alter = async (...changes: [name: string, configOperation: number, value: string | null][]) => {
      const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
      const resources = [{ resourceType: clientMetrics, resourceName: 'own', configs }]
      const answer = await client.connection.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })
      return answer.responses[0]!.errorCode
    }
    const describeOwn = async () => {
      const resources = [{ resourceType: clientMetrics, resourceName: 'own', configurationKeys: null }]
      const { results } = await client.connection.call(apis.describeConfigs, 4, { resources })
      return results[0]!.configs.map(({ name, value, configSource }) => [name, value, configSource])
    }
    const list = async () => {
      const { configResources } = await client.connection.call(apis.listConfigResources, 0, {})
      return configResources.map(({ resourceName }) => resourceName)
    }
    return { ...client, broker, alter, describeOwn, list }
  }

  test('a subscription is set, shown, listed, changed and taken away', async () => {
    const { alter, describeOwn, list, ask } = await setUpConfigs({})

    expect(await alter(['metrics', set, 'a.,b.'], ['interval.ms', set, '2000'])).toBe(0)
    expect(await describeOwn()).toEqual([
      ['metrics', 'a.,b.', 7],
      ['interval.ms', '2000', 7],
      ['match', '', 5],
    ])
    expect(await list()).toEqual(['own'])
    expect(await alter(['metrics', append, 'c.'], ['match', set, 'client_id=ra.'])).toBe(0)
    expect(await ask()).toMatchObject({ requestedMetrics: ['a.', 'b.', 'c.'], pushIntervalMs: 2000 })
    expect(await alter(['metrics', remove, null], ['interval.ms', remove, null], ['match', remove, null])).toBe(0)
    expect(await list()).toEqual([])
    expect(await describeOwn()).toEqual([
      ['metrics', '', 5],
      ['interval.ms', '300000', 5],
      ['match', '', 5],
    ])
  })

  test.each([
    ['a name that nobody knows', 'metric', set, 'a.'],
    ['an interval that is too short', 'interval.ms', set, '99'],
    ['an interval that is no number', 'interval.ms', set, 'often'],
    ['a match that is not known', 'match', set, 'client_rack=a'],
    ['no value', 'metrics', set, null],
    ['a number as a list', 'interval.ms', append, '200'],
  ])('%s is INVALID_CONFIG, and changes nothing', async (_, name, operation, value) => {
    const { alter, list } = await setUpConfigs({})

    expect(await alter([name, operation, value])).toBe(code('INVALID_CONFIG'))
    expect(await list()).toEqual([])
  })

  test('neither many nor long ones fill the memory, and no pattern stops the broker', async () => {
    const { alter, broker, ask, list } = await setUpConfigs({})
    for (let count = 0; count < 100; count++) broker.subscribeTelemetry(`${count}`, { metrics: ['a.'] })
    expect(await alter(['metrics', set, 'b.'])).toBe(code('POLICY_VIOLATION'))
    for (let count = 0; count < 100; count++) broker.unsubscribeTelemetry(`${count}`)
    expect(await alter(['metrics', set, 'b'.repeat(64 * 1024)])).toBe(code('INVALID_CONFIG'))
    expect(await list()).toEqual([])

    broker.subscribeTelemetry('everybody', { metrics: ['a.'] })
    expect(await alter(['metrics', set, 'b.'], ['match', set, 'client_instance_id=(([\\w-]+)+)+!'])).toBe(0)
    const before = performance.now()
    expect((await ask()).requestedMetrics).toEqual(['a.'])
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test('a broker that takes no metrics has none', async () => {
    const { alter, list } = await setUpConfigs()

    expect(await alter(['metrics', set, '*'])).toBe(code('INVALID_REQUEST'))
    expect(await list()).toEqual([])
  })
})
