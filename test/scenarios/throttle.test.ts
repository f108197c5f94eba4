import { expect, test } from 'vitest'
import { runTool } from '../../scripts/kafka/java.mjs'
import { createProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

/** Kafka measures over ten seconds at least: 300 kB in an instant count as 30 kB a second. */
const quotaBytesPerSecond = 18_000
const records = 300
const value = 'x'.repeat(1_000)

describeOnEachBroker('Throttling', ({ kafka }) => {
  // A given cluster's quotas are its owner's.
  test.skipIf(kafka.kind === 'given')('a producer over its quota is slowed down, and loses nothing', async () => {
    const topic = await kafka.createTopic({ partitions: 1 })
    const clientId = `slow-${topic}`
    if (kafka.embedded !== null) kafka.embedded.faults.throttle('Produce', 300, { topic, times: 3 })
    else {
      const quota = ['--alter', '--add-config', `producer_byte_rate=${quotaBytesPerSecond}`]
      const entity = ['--entity-type', 'clients', '--entity-name', clientId]
      await runTool('ConfigCommand', ['--bootstrap-server', kafka.bootstrapServers, ...quota, ...entity])
    }
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, clientId, batchSize: 20_000 })

    // In several goes: the broker measures what has come already.
    for (let go = 0; go < 3; go++)
      await producer.sendAll(
        Array.from({ length: records / 3 }, (_, index) => ({ topic, value: `${go * (records / 3) + index}:${value}` })),
      )

    expect(producer.metrics()['produce-throttle-time-max']).toBeGreaterThan(0)
    expect((await kafka.readBack(topic)).map(own => Number(own.value?.toString().split(':')[0]))).toEqual(
      Array.from({ length: records }, (_, index) => index),
    )
  })
})
