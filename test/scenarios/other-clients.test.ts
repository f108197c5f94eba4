import { expect, inject, test } from 'vitest'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { writeWithKcat } from '../kafka/kcat.ts'
import { kcatIsInstalled, readWithConsoleConsumer } from '../kafka/read-back.ts'

const lines = Array.from({ length: 1000 }, (_, i) => `value ${i} of a thousand`)

/** The brokers that the scenarios run on are worth what other people's clients think of them. */
describeOnEachBroker(
  'Other clients',
  ({ kafka }) => {
    test.skipIf(!kcatIsInstalled).each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
      'kcat writes with idempotence and %s, and reads it back',
      async codec => {
        const topic = await kafka.createTopic()
        const options = ['-H', 'h=1', '-X', 'enable.idempotence=true', '-X', 'linger.ms=50', '-z', codec]

        await writeWithKcat(kafka.bootstrapServers, topic, lines.map(line => `key:${line}\n`).join(''), options)

        const found = await kafka.readBack(topic)
        expect(found.map(({ value }) => String(value))).toEqual(lines)
        expect(found[0]).toMatchObject({ key: Buffer.from('key'), headers: [['h', Buffer.from('1')]] })
        const batches = await kafka.batches(topic)
        if (batches) expect(batches[0]).toMatchObject({ baseSequence: 0, codec, isValid: true })
      },
    )

    test.skipIf(!kcatIsInstalled || inject('kafka').kind === 'none')(
      "Kafka's console consumer and kcat read the same",
      async () => {
        // The embedded broker has no consumer groups, and without one the console consumer reads a single partition.
        const only = kafka.kind === 'embedded' ? 0 : undefined
        const topic = await kafka.createTopic({ partitions: only === undefined ? 3 : 1 })
        await writeWithKcat(kafka.bootstrapServers, topic, lines.map((line, i) => `${i}:${line}\n`).join(''))

        const byJava = await readWithConsoleConsumer(kafka.bootstrapServers, topic, only)

        expect(byJava).toHaveLength(lines.length)
        expect(byJava).toEqual(await kafka.readBack(topic))
      },
    )
  },
  { oldestToo: true },
)
