import { expect, inject, test } from 'vitest'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { writeWithKcat } from '../kafka/kcat.ts'
import { kcatIsInstalled, readWithConsoleConsumer } from '../kafka/read-back.ts'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const lines = Array.from({ length: 1000 }, (_, i) => `value ${i} of a thousand`)

/** The brokers that the scenarios run on are worth what other people's clients think of them. */
describeOnEachBroker(
  'Other clients',
  ({ kafka }) => {
    test.skipIf(!kcatIsInstalled)('kcat writes with idempotence and each codec, and reads it back', async () => {
      const topics: string[] = []
      for (const codec of codecs) {
        const topic = await kafka.createTopic()
        const options = ['-H', 'h=1', '-X', 'enable.idempotence=true', '-X', 'linger.ms=50', '-z', codec]
        await writeWithKcat(kafka.bootstrapServers, topic, lines.map(line => `key:${line}\n`).join(''), options)
        topics.push(topic)
      }

      for (const [i, topic] of topics.entries()) {
        const found = await kafka.readBack(topic)
        expect(
          found.map(({ value }) => String(value)),
          codecs[i],
        ).toEqual(lines)
        expect(found[0]).toMatchObject({ key: Buffer.from('key'), headers: [['h', Buffer.from('1')]] })
      }
      const logs = (await kafka.batchesOfEach(topics)) ?? []
      for (const [i, batches] of logs.entries())
        expect(batches[0]).toMatchObject({ baseSequence: 0, codec: codecs[i], isValid: true })
    })

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
