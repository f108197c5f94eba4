import { expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { type FoundRecord, kcatIsInstalled } from '../kafka/read-back.ts'

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i)
const bytes = (...values: number[]) => Buffer.from(values)
const utf8 = (text: string) => Buffer.from(text)

/** A day in the year 9999, 1970 itself, and times that go back from record to record. */
const times = [253_402_214_400_000, 1_700_000_000_000, 0, 1, 1_600_000_000_000]

/** Old records are not deleted while the test looks at them, and those of the year 9999 are taken (KIP-937, since 3.6). */
function anyTime(version: string | undefined): Record<string, string | number> {
  const kept = { 'retention.ms': -1 }
  return version === '2.1.1' ? kept : { ...kept, 'message.timestamp.after.max.ms': '9223372036854775807' }
}

describeOnEachBroker(
  'Records of every shape',
  ({ kafka }) => {
    test('keys and values arrive as they are, null and empty told apart', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
      const pairs = [
        { key: 'k', value: 'v' },
        { key: null, value: null },
        { value: 'no key' },
        { key: '', value: '' },
        { key: 'tombstone', value: null },
        { key: 'Grüße, 東京, 🚀', value: 'e\u0301 مرحبا \u0000 \u{10ffff}' },
        { key: 'large', value: 'x'.repeat(300_000) },
      ]

      const acknowledged = await Promise.all(pairs.map(pair => producer.send({ topic, ...pair })))

      const found = await kafka.readBack(topic)
      expect(found.map(({ key, value }) => [key, value])).toEqual([
        [utf8('k'), utf8('v')],
        [null, null],
        [null, utf8('no key')],
        [utf8(''), utf8('')],
        [utf8('tombstone'), null],
        [utf8('Grüße, 東京, 🚀'), utf8('e\u0301 مرحبا \u0000 \u{10ffff}')],
        [utf8('large'), utf8('x'.repeat(300_000))],
      ])
      expect(acknowledged.map(({ offset }) => offset)).toEqual(pairs.map((_, i) => BigInt(i)))
      expect(acknowledged[0]).toMatchObject({ topic, partition: 0, serializedKeySize: 1, serializedValueSize: 1 })
      expect(acknowledged[1]).toMatchObject({ serializedKeySize: -1, serializedValueSize: -1 })
      expect(acknowledged[3]).toMatchObject({ serializedKeySize: 0, serializedValueSize: 0 })
    })

    // the console consumer, which reads where kcat is missing, prints text
    test.skipIf(!kcatIsInstalled && kafka.kind !== 'embedded')('every byte arrives', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

      await producer.send({ topic, key: everyByte, value: everyByte.toReversed(), headers: { h: everyByte } })

      const expected = Buffer.from(everyByte)
      const [found] = await kafka.readBack(topic)
      expect(found).toMatchObject({
        key: expected,
        value: Buffer.from(everyByte).reverse(),
        headers: [['h', expected]],
      })
    })

    test('headers keep their order and their repeats', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

      await producer.sendAll([
        {
          topic,
          value: 'an object',
          headers: { z: '1', many: ['2', null, '3'], empty: '', none: null, bytes: bytes(0, 255) },
        },
        {
          topic,
          value: 'pairs',
          headers: [
            ['b', '1'],
            ['a', '2'],
            ['b', '3'],
            ['Überschrift', '見出し'],
            ['b', null],
          ],
        },
        { topic, value: 'none' },
        { topic, value: 'none either', headers: {} },
      ])

      const found = await kafka.readBack(topic)
      expect(found.map(({ headers }) => headers)).toEqual([
        [
          ['z', utf8('1')],
          ['many', utf8('2')],
          ['many', null],
          ['many', utf8('3')],
          ['empty', utf8('')],
          ['none', null],
          ['bytes', bytes(0, 255)],
        ],
        [
          ['b', utf8('1')],
          ['a', utf8('2')],
          ['b', utf8('3')],
          ['Überschrift', utf8('見出し')],
          ['b', null],
        ],
        [],
        [],
      ])
    })

    test('timestamps may lie far ahead, go back within a batch, and be dates', async () => {
      const topic = await kafka.createTopic({ config: anyTime(kafka.version) })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
      const before = Date.now()

      const acknowledged = await producer.sendAll([
        ...times.map(timestamp => ({ topic, value: 'ms', timestamp })),
        { topic, value: 'date', timestamp: new Date('2001-02-03T04:05:06.789Z') },
        { topic, value: 'now' },
      ])

      const found = await kafka.readBack(topic)
      const given = [...times, Date.UTC(2001, 1, 3, 4, 5, 6, 789)]
      expect(found.slice(0, -1).map(({ timestamp }) => timestamp)).toEqual(given)
      expect(acknowledged.slice(0, -1).map(({ timestamp }) => timestamp)).toEqual(given)
      expect(found.at(-1)?.timestamp).toBeGreaterThanOrEqual(before)
      expect(found.at(-1)?.timestamp).toBeLessThanOrEqual(Date.now())
    })

    test('where the topic uses LogAppendTime the acknowledgement tells the time of the append', async () => {
      const topic = await kafka.createTopic({ config: { 'message.timestamp.type': 'LogAppendTime' } })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

      const { timestamp } = await producer.send({ topic, value: 'v', timestamp: Date.now() - 3_600_000 })

      const [record] = await kafka.readBack(topic)
      expect(record).toMatchObject({ timestamp, timestampType: 'append' } satisfies Partial<FoundRecord>)
      expect(timestamp).toBeGreaterThan(Date.now() - 600_000)
    })

    test('a buffer may be used again as soon as send has returned', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
      const buffer = Buffer.from('first')

      const first = producer.send({ topic, key: buffer, value: buffer, headers: { h: buffer } })
      buffer.write('other')
      const second = producer.send({ topic, value: buffer })
      await Promise.all([first, second])

      const found = await kafka.readBack(topic)
      expect(found.map(({ key, value }) => [key, value])).toEqual([
        [utf8('first'), utf8('first')],
        [null, utf8('other')],
      ])
      expect(found[0]?.headers).toEqual([['h', utf8('first')]])
    })
  },
  { oldestToo: true },
)
