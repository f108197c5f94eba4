import { expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer, type ProducerOptions } from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

interface Setting {
  broker: Broker
  producer: Producer
}

/** Runs the body twice: with a topic that is not known yet, and with one that is. Both ways into a batch must agree. */
function bothWays(sentence: string, body: (setting: Setting) => Promise<void>, options: Partial<ProducerOptions> = {}) {
  test.each([{ state: 'unknown' }, { state: 'known' }])(`${sentence} (topic $state)`, async ({ state }) => {
    await using broker = await startBroker({
      topics: { odd: { partitions: 1, config: { 'message.timestamp.after.max.ms': '9223372036854775807' } } },
    })
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...options })
    if (state === 'known') await producer.send({ topic: 'odd', value: 'first' })
    await body({ broker, producer })
  })
}

const lastRecord = (broker: Broker) => broker.records('odd').at(-1)!
const lastText = (broker: Broker) => String(lastRecord(broker).value)

bothWays('a frozen record is sent', async ({ broker, producer }) => {
  await producer.send(Object.freeze({ topic: 'odd', value: 'frozen', headers: Object.freeze({ h: 'x' }) }))
  expect(lastText(broker)).toBe('frozen')
})

bothWays('a record without a prototype is sent', async ({ broker, producer }) => {
  await producer.send(Object.assign(Object.create(null), { topic: 'odd', value: 'bare' }))
  expect(lastText(broker)).toBe('bare')
})

bothWays('a record behind a Proxy is sent, and only read', async ({ broker, producer }) => {
  const touched: string[] = []
  const refuse = (what: string) => () => {
    touched.push(what)
    return false
  }
  const record = new Proxy(
    { topic: 'odd', value: 'by proxy' },
    { set: refuse('set'), deleteProperty: refuse('delete'), defineProperty: refuse('define') },
  )
  await producer.send(record)
  expect(lastText(broker)).toBe('by proxy')
  expect(touched).toEqual([])
})

bothWays('the getters of a class instance are read once each', async ({ broker, producer }) => {
  const reads: string[] = []
  class Order {
    get topic() {
      reads.push('topic')
      return 'odd'
    }
    get key() {
      reads.push('key')
      return 'k'
    }
    get value() {
      reads.push('value')
      return `value ${reads.filter(read => read === 'value').length}`
    }
    get partition() {
      reads.push('partition')
      return 0
    }
    get headers() {
      reads.push('headers')
      return undefined
    }
    get timestamp() {
      reads.push('timestamp')
      return 5
    }
  }
  await producer.send(new Order())
  expect(lastText(broker)).toBe('value 1')
  expect(reads.toSorted()).toEqual(['headers', 'key', 'partition', 'timestamp', 'topic', 'value'])
})

bothWays('a record that is changed and sent again is two records', async ({ broker, producer }) => {
  const record = { topic: 'odd', key: 'a', value: 'one', headers: { n: '1' } }
  const sent = [producer.send(record)]
  Object.assign(record, { key: 'b', value: 'two' })
  record.headers.n = '2'
  sent.push(producer.send(record))
  record.topic = 'elsewhere'
  await Promise.all(sent)

  const seen = broker.records('odd').slice(-2)
  expect(seen.map(({ key, value, headers }) => `${key} ${value} ${headers[0]?.[1]}`)).toEqual(['a one 1', 'b two 2'])
})

const buffersOf = () => ({ key: Buffer.from('key'), value: Buffer.from('value'), header: Buffer.from('header') })

for (const [what, options] of [
  ['', {}],
  [', beside an asynchronous keySerializer', { keySerializer: (async (key: Buffer) => Buffer.from(key)) as never }],
  [', beside an asynchronous valueSerializer', { valueSerializer: (async () => 'value') as never }],
] as const)
  bothWays(
    `buffers may be used again when send has returned${what}`,
    async ({ broker, producer }) => {
      const { key, value, header } = buffersOf()
      const future = producer.send({ topic: 'odd', key, value, headers: [['h', header]] })
      value.fill('!')
      header.fill('!')
      // What a serializer is given stays the caller's until it has answered.
      if (!what.includes('keySerializer')) key.fill('!')
      await future
      const seen = lastRecord(broker)
      expect([seen.key, seen.value, seen.headers[0]![1]].map(String)).toEqual(['key', 'value', 'header'])
    },
    options,
  )

bothWays('a view is sent with its own offset and length, on shared memory as well', async ({ broker, producer }) => {
  const memory = new Uint8Array(new SharedArrayBuffer(16))
  memory.set(Buffer.from('0123456789abcdef'))
  await producer.send({ topic: 'odd', key: memory.subarray(2, 4), value: memory.subarray(4, 10) })
  await producer.send({ topic: 'odd', key: new Uint8Array(Buffer.from('xyz')).subarray(1), value: new Uint8Array(0) })

  const [before, after] = broker.records('odd').slice(-2)
  expect([String(before!.key), String(before!.value)]).toEqual(['23', '456789'])
  expect([String(after!.key), after!.value]).toEqual(['yz', Buffer.alloc(0)])
})

bothWays('null, absent and empty are told apart', async ({ broker, producer }) => {
  const metas = await Promise.all([
    producer.send({ topic: 'odd', key: null, value: null }),
    producer.send({ topic: 'odd' }),
    producer.send({ topic: 'odd', key: undefined, value: undefined }),
    producer.send({ topic: 'odd', key: '', value: '' }),
    producer.send({ topic: 'odd', key: Buffer.alloc(0), value: Buffer.alloc(0) }),
  ])
  const empty = Buffer.alloc(0)
  expect(
    broker
      .records('odd')
      .slice(-5)
      .map(({ key, value }) => [key, value]),
  ).toEqual([
    [null, null],
    [null, null],
    [null, null],
    [empty, empty],
    [empty, empty],
  ])
  expect(metas.map(({ serializedKeySize, serializedValueSize }) => [serializedKeySize, serializedValueSize])).toEqual([
    [-1, -1],
    [-1, -1],
    [-1, -1],
    [0, 0],
    [0, 0],
  ])
})

bothWays('a lone surrogate becomes U+FFFD, in key, value and headers', async ({ broker, producer }) => {
  const long = `${'a'.repeat(40)}\ud800b`
  for (const text of ['\ud800', 'a\udc00b', long])
    await producer.send({ topic: 'odd', key: text, value: text, headers: [[text, text]] })
  for (const text of ['\ud800', 'a\udc00b', long]) await producer.send({ topic: 'odd', key: text, value: text })

  const seen = broker.records('odd').slice(-6)
  expect(seen.map(({ key }) => String(key))).toEqual([
    '\ufffd',
    'a\ufffdb',
    `${'a'.repeat(40)}\ufffdb`,
    '\ufffd',
    'a\ufffdb',
    `${'a'.repeat(40)}\ufffdb`,
  ])
  for (const { key, value, headers } of seen) {
    expect(value).toEqual(key)
    for (const [name, own] of headers) expect([name, own]).toEqual([String(key), key])
  }
})

bothWays('__proto__, constructor and an empty name are headers like others', async ({ broker, producer }) => {
  const headers = JSON.parse('{"__proto__":"p","constructor":"c","":"e","n":null}')
  await producer.send({ topic: 'odd', value: 'x', headers })
  expect(lastRecord(broker).headers.map(([name, value]) => [name, value && String(value)])).toEqual([
    ['__proto__', 'p'],
    ['constructor', 'c'],
    ['', 'e'],
    ['n', null],
  ])
  expect(({} as { p?: unknown }).p).toBeUndefined()
})

bothWays(
  'a hundred thousand headers arrive in order',
  async ({ broker, producer }) => {
    const headers = Array.from({ length: 100_000 }, (_, n) => [`h${n % 10}`, String(n)] as const)
    await producer.send({ topic: 'odd', value: 'x', headers })
    const seen = lastRecord(broker).headers
    expect(seen).toHaveLength(100_000)
    expect(seen.every(([name, value], n) => name === `h${n % 10}` && String(value) === String(n))).toBe(true)
  },
  { maxRequestSize: 4 * 1024 * 1024, maxBlockMs: 5000 },
)

bothWays('a Date and the latest millisecond are timestamps', async ({ broker, producer }) => {
  const latest = 8_640_000_000_000_000
  await producer.send({ topic: 'odd', value: 'x', timestamp: new Date(5) })
  const { timestamp } = await producer.send({ topic: 'odd', value: 'x', timestamp: latest })
  expect(timestamp).toBe(latest)
  expect(
    broker
      .records('odd')
      .slice(-2)
      .map(record => record.timestamp),
  ).toEqual([5, latest])
})

bothWays(
  'a serializer may send another record, push headers, and be asynchronous: the order is that of the calls',
  async ({ broker, producer }) => {
    const values = Array.from({ length: 50 }, (_, n) => n)
    await Promise.all(values.map(value => producer.send({ topic: 'odd', value: value as never })))
    const seen = broker.records('odd').filter(({ headers }) => headers.length > 0)
    expect(seen.map(({ value }) => String(value))).toEqual(values.map(n => `number ${n}`))
    expect(seen.map(({ headers }) => String(headers[0]![1]))).toEqual(values.map(String))
  },
  {
    valueSerializer: ((value: unknown, { headers }: { headers: [string, string][] }) => {
      if (typeof value === 'string') return value
      headers.push(['n', String(value)])
      const made = `number ${value}`
      // Every third answers at once, the others later and out of order.
      return (value as number) % 3 === 0
        ? made
        : new Promise(resolve => setTimeout(resolve, (value as number) % 5, made))
    }) as never,
  },
)
