import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import {
  createProducer,
  InvalidRecordError,
  KafkaError,
  MetadataTimeoutError,
  type Producer,
  type ProducerOptions,
  RecordTooLargeError,
  SerializationError,
} from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

/** Stands in every payload, and must stand in no error. */
const payload = 'PAYLOAD-THAT-NO-ERROR-SHOWS'

type Misuse = Partial<ProducerOptions>
interface Row {
  /** Ends the sentence: "a record with …". */
  readonly what: string
  readonly record: () => unknown
  readonly code: string
  readonly error: abstract new (...args: never[]) => KafkaError
  readonly options?: Misuse
  readonly sendOptions?: () => unknown
}

const on = (fields: Record<string, unknown>) => () => ({ topic: 'good', value: payload, ...fields })

const topics: Row[] = [
  ...[undefined, null, 5, true, Symbol('t'), {}, ['good'], () => 'good'].map(topic => ({
    what: `a topic of type ${topic === null ? 'null' : typeof topic}`,
    record: on({ topic }),
  })),
  ...['', '.', '..', 'a b', 'a/b', 'a\0b', '🦦', '\uff11\uff12', '\ud800', 'x'.repeat(250), 'good\n', ' good'].map(
    topic => ({ what: `topic ${JSON.stringify(topic).slice(0, 20)}`, record: on({ topic }) }),
  ),
].map(row => ({ ...row, code: 'INVALID_TOPIC', error: InvalidRecordError }))

const partitions: Row[] = [
  ...[-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '0', null, 0n, 2 ** 31, {}].map(partition => ({
    what: `partition ${inspect(partition)}`,
    record: on({ partition }),
    code: 'INVALID_PARTITION',
    error: InvalidRecordError,
  })),
  ...[3, 2 ** 31 - 1].map(partition => ({
    what: `partition ${partition}, which the topic does not have`,
    record: on({ partition }),
    code: 'METADATA_TIMEOUT',
    error: MetadataTimeoutError,
    options: { maxBlockMs: 50 },
  })),
]

const timestamps: Row[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1,
  1.5,
  'now',
  new Date('no date'),
  null,
  2n ** 63n,
  2 ** 53,
  8_640_000_000_000_001,
  { valueOf: () => 5 },
].map(timestamp => ({
  what: `timestamp ${inspect(timestamp).replaceAll('\n', '')}`,
  record: on({ timestamp }),
  code: 'INVALID_TIMESTAMP',
  error: InvalidRecordError,
}))

const keysAndValues: Row[] = (
  [
    ['a number', 5],
    ['NaN', Number.NaN],
    ['a boolean', false],
    ['a bigint', 5n],
    ['a symbol', Symbol('s')],
    ['a function', () => payload],
    ['an object', { payload }],
    ['an array', [payload]],
    ['a Date', new Date(0)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['an Int16Array', new Int16Array(4)],
    ['a promise', Promise.resolve(payload)],
    ['a String object', Object(payload)],
  ] as const
).flatMap(([what, given]) =>
  ['key', 'value'].map(field => ({
    what: `${what} as its ${field}, without a serializer`,
    record: on({ [field]: given }),
    code: 'SERIALIZATION',
    error: SerializationError,
  })),
)

const sizes: Row[] = [
  {
    what: 'a value above maxRequestSize',
    record: on({ value: payload.repeat(100) }),
    options: { maxRequestSize: 1024 },
  },
  { what: 'bytes above maxRequestSize', record: on({ value: Buffer.alloc(2048) }), options: { maxRequestSize: 1024 } },
  { what: 'a key above maxRequestSize', record: on({ key: payload.repeat(100) }), options: { maxRequestSize: 1024 } },
  {
    what: 'headers above maxRequestSize',
    record: on({ headers: { h: payload.repeat(100) } }),
    options: { maxRequestSize: 1024 },
  },
  { what: 'a value above bufferMemory', record: on({ value: payload.repeat(100) }), options: { bufferMemory: 1024 } },
  {
    what: 'text that only as UTF-8 is too large',
    record: on({ value: 'ä'.repeat(600) }),
    options: { maxRequestSize: 1024 },
  },
].map(row => ({ ...row, code: 'RECORD_TOO_LARGE', error: RecordTooLargeError }))

const headers: Row[] = (
  [
    ['null', null],
    ['text', payload],
    ['a number', 5],
    ['bytes', Buffer.from(payload)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['a Map, whose entries would be lost', new Map([['a', payload]])],
    ['a Set', new Set([['a', payload]])],
    ['an array of names', ['a', 'b']],
    ['pairs of one', [['a']]],
    ['pairs of three', [['a', 'b', 'c']]],
    ['a name that is no string', [[5, payload]]],
    ['a name that is a symbol', [[Symbol('n'), payload]]],
    ['a value that is a number', { a: 5 }],
    ['a value that is undefined', { a: undefined }],
    ['a value that is an object', { a: { payload } }],
    ['a value that is a DataView', { a: new DataView(new ArrayBuffer(2)) }],
    ['a wrong value among repeats', { a: [payload, 5] }],
    ['repeats within pairs', [['a', [payload]]]],
  ] as const
).map(([what, given]) => ({
  what: `headers: ${what}`,
  record: on({ headers: given }),
  code: 'INVALID_HEADERS',
  error: InvalidRecordError,
}))

const throwing = (field: string) => () =>
  Object.defineProperty({ topic: 'good', value: payload }, field, {
    enumerable: true,
    get() {
      throw new Error('no')
    },
  })

const unreadable: Row[] = [
  ...[null, undefined, 5, 'good', true, 7n, Symbol('r'), () => ({})].map(record => ({
    what: `a record that is ${inspect(record)}`,
    record: () => record,
    code: 'INVALID_RECORD',
    error: InvalidRecordError,
  })),
  ...['topic', 'key', 'value', 'partition', 'headers', 'timestamp'].map(field => ({
    what: `a getter of ${field} that throws`,
    record: throwing(field),
    code: 'INVALID_RECORD',
    error: InvalidRecordError,
  })),
  {
    what: 'a getter that throws what has no text',
    record: () => ({
      get topic(): string {
        throw Object.create(null)
      },
    }),
    code: 'INVALID_RECORD',
    error: InvalidRecordError,
  },
  {
    what: 'a header getter that throws',
    record: on({ headers: throwing('h')() }),
    code: 'INVALID_RECORD',
    error: InvalidRecordError,
  },
  {
    what: 'a Proxy that throws',
    record: () =>
      new Proxy(
        {},
        {
          get() {
            throw new Error('no')
          },
        },
      ),
    code: 'INVALID_RECORD',
    error: InvalidRecordError,
  },
  {
    what: 'a Proxy around a Buffer as its value',
    record: on({ value: new Proxy(Buffer.from(payload), {}) }),
    code: 'INVALID_RECORD',
    error: InvalidRecordError,
  },
]

const rejecting = () => Promise.reject(new Error('later'))
const neverSerializes = new Promise<string>(() => {})

const serializers: Row[] = (
  [
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    [
      'throws what is no error',
      () => {
        throw 'no'
      },
    ],
    [
      'throws what has no text',
      () => {
        throw Object.create(null)
      },
    ],
    ['gives undefined', () => undefined],
    ['gives a number', () => 5],
    ['gives an object', () => ({ payload })],
    ['gives a DataView', () => new DataView(new ArrayBuffer(4))],
    ['rejects', rejecting],
    ['gives a promise of a number', () => Promise.resolve(5)],
    ['gives a promise of undefined', () => Promise.resolve()],
    [
      'gives a thenable that throws',
      () => ({
        then() {
          throw new Error('no')
        },
      }),
    ],
    [
      'pushes what is no header',
      (_value: unknown, { headers: own }: { headers: unknown[] }) => {
        own.push(5)
        return 'x'
      },
    ],
  ] as const
).flatMap(([what, serializer]) =>
  (['keySerializer', 'valueSerializer'] as const).map(option => ({
    what: `a ${option} that ${what}`,
    record: on({ key: 'k', value: payload }),
    code: what === 'pushes what is no header' ? 'INVALID_HEADERS' : 'SERIALIZATION',
    error: what === 'pushes what is no header' ? InvalidRecordError : SerializationError,
    options: { [option]: onlyFor('k', payload, serializer) } as Misuse,
  })),
)

/** Fails for the bad record alone, so that the good ones of the same producer can show that it still works. */
function onlyFor(key: string, value: string, serializer: (...args: never[]) => unknown) {
  return (given: unknown, ...rest: unknown[]) =>
    given === key || given === value ? serializer(...([given, ...rest] as never[])) : given
}

serializers.push(
  {
    what: 'a keySerializer that rejects while the valueSerializer throws',
    record: on({ key: 'k' }),
    code: 'SERIALIZATION',
    error: SerializationError,
    options: {
      keySerializer: onlyFor('k', payload, rejecting) as never,
      valueSerializer: onlyFor('k', payload, () => {
        throw new Error('no')
      }) as never,
    },
  },
  {
    what: 'a serializer that never answers',
    record: on({}),
    code: 'SERIALIZATION_TIMEOUT',
    error: KafkaError,
    options: {
      valueSerializer: onlyFor('k', payload, () => neverSerializes) as never,
      ...{ deliveryTimeoutMs: 400, requestTimeoutMs: 300, lingerMs: 0 },
    },
  },
  ...(
    [
      ['string', 5],
      ['bytes', payload],
      ['json', () => payload],
      ['int32', 2 ** 31],
      ['int32', '5'],
      ['int64', 2 ** 53],
      ['int64', 2n ** 63n],
      ['double', '5'],
      ['uuid', payload],
      ['uuid', 5],
    ] as const
  ).map(([keySerializer, key]) => ({
    what: `${typeof key} for the ${keySerializer} serializer`,
    record: on({ key }),
    code: 'SERIALIZATION',
    error: SerializationError,
    options: { keySerializer: keySerializer as never },
  })),
)

const partitioners: Row[] = (
  [
    ['gives −1', () => -1],
    ['gives 1.5', () => 1.5],
    ['gives NaN', () => Number.NaN],
    ['gives too much', () => 1e9],
    ['gives text', () => '2'],
    ['gives nothing', () => undefined],
    ['gives a promise', async () => 1],
    ['gives a promise that rejects', rejecting],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
  ] as const
).map(([what, partitioner]) => ({
  what: `a partitioner that ${what}`,
  record: on({ key: 'bad' }),
  code: 'PARTITIONER',
  error: InvalidRecordError,
  options: {
    partitioner: (({ key }: { key: Uint8Array | null }) => (key === null ? 0 : partitioner())) as never,
  },
}))

const interceptors: Row[] = (
  [
    ['undefined', undefined, 'INVALID_RECORD'],
    ['a record without a topic', { value: payload }, 'INVALID_TOPIC'],
    ['null', null, 'INVALID_RECORD'],
  ] as const
).map(([what, given, code]) => ({
  what: `an interceptor that gives ${what}`,
  record: on({ key: 'bad' }),
  code,
  error: InvalidRecordError,
  options: {
    interceptors: [{ onSend: (record: { key?: unknown }) => (record.key === 'bad' ? given : record) as never }],
  },
}))

const signals: Row[] = [
  {
    what: 'a signal that has been aborted',
    record: on({}),
    sendOptions: () => ({ signal: AbortSignal.abort(new Error('enough')) }),
    code: 'ABORTED',
    error: KafkaError,
  },
  ...[null, 5, {}, 'abort', { aborted: false }, new AbortController()].map(signal => ({
    what: `a signal that is ${inspect(signal).slice(0, 20)}`,
    record: on({}),
    sendOptions: () => ({ signal }),
    code: 'INVALID_SIGNAL',
    error: InvalidRecordError,
  })),
]

const rows = [
  ...topics,
  ...partitions,
  ...timestamps,
  ...keysAndValues,
  ...sizes,
  ...headers,
  ...unreadable,
  ...serializers,
  ...partitioners,
  ...interceptors,
  ...signals,
]

/** The record as it looks from outside; a Proxy around bytes cannot be looked at. */
function looksOf(given: unknown): string {
  try {
    return inspect(given, { showHidden: true })
  } catch {
    return 'cannot be shown'
  }
}

const produced = (broker: Broker) => broker.records('good').map(({ value }) => String(value))

function topicsAskedFor(broker: Broker): Set<string> {
  return new Set(broker.requests('Metadata').flatMap(({ targets }) => targets.map(({ topic }) => topic)))
}

/** What a failed send ended with, whichever way it was told; `send` itself must not throw. */
async function failuresOf(producer: Producer, row: Row): Promise<unknown[]> {
  const options = row.sendOptions?.() as { signal?: AbortSignal } | undefined
  const future = producer.send(row.record() as never, options)
  const byCallback = new Promise(resolve => {
    if (options === undefined) producer.send(row.record() as never, error => resolve(error))
    else producer.send(row.record() as never, options, error => resolve(error))
  })
  return [
    await future.then(
      () => 'acknowledged',
      error => error,
    ),
    await byCallback,
  ]
}

describe.each([
  { state: 'a new producer', isWarm: false },
  { state: 'a producer at work', isWarm: true },
])('Bad input to $state', ({ isWarm }) => {
  test.each(rows)('a record with $what fails with $code; nothing is written, and the producer goes on', async row => {
    await using broker = await startBroker({ topics: { good: { partitions: 3 } }, autoCreateTopics: false })
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...row.options })
    if (isWarm) await producer.send({ topic: 'good', value: 'first' })
    const before = broker.requestCount('Produce')
    const given = row.record()
    const shown = looksOf(given)

    const failures = await failuresOf(producer, { ...row, record: () => given })

    for (const error of failures) {
      expect(error).toBeInstanceOf(row.error)
      expect(error).toMatchObject({ code: row.code, outcome: 'not-written' })
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(payload)
    }
    expect(looksOf(given)).toBe(shown)
    expect(broker.requestCount('Produce')).toBe(before)
    // The good record's topic alone was ever asked for: a wrong name never leaves the process.
    for (const asked of topicsAskedFor(broker)) expect(asked).toBe('good')
    const { offset } = await producer.send({ topic: 'good', value: 'after', partition: 0, key: null })
    expect(offset).toBe(BigInt(broker.records('good', 0).length - 1))
    expect(produced(broker)).toEqual(expect.arrayContaining(['after']))
    expect(produced(broker)).toHaveLength(isWarm ? 2 : 1)
    expect(producer.metrics()['buffer-available-bytes']).toBe(producer.metrics()['buffer-total-bytes'])
    expect(producer.metrics()['waiting-records']).toBe(0)
  })
})
