import { expect, inject, test } from 'vitest'
import { runTool } from '../../scripts/kafka/java.mjs'
import { startBroker } from '../../src/broker/index.ts'

const needsJava = test.skipIf(inject('kafka').kind === 'none')

needsJava('kafka-configs sets quotas, shows them and takes them away; the Java producer is throttled', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  const server = ['--bootstrap-server', broker.bootstrapServers]
  const configs = async (...args: string[]) => (await runTool('ConfigCommand', [...server, ...args])).toString()
  const client = ['--entity-type', 'clients', '--entity-name', 'perf-producer-client']
  const userAndDefault = [
    '--entity-type',
    'users',
    '--entity-name',
    'ann',
    '--entity-type',
    'clients',
    '--entity-default',
  ]

  await configs('--alter', '--add-config', 'producer_byte_rate=20000,consumer_byte_rate=1000', ...client)
  await configs('--alter', '--add-config', 'request_percentage=12.5', ...userAndDefault)

  expect(await configs('--describe', ...client)).toMatch(
    /client-id 'perf-producer-client' are consumer_byte_rate=1000.0, producer_byte_rate=20000.0/,
  )
  expect(await configs('--describe', ...userAndDefault)).toMatch(
    /user-principal 'ann', the default client-id are request_percentage=12.5/,
  )

  const metrics = await runTool('ProducerPerformance', [
    ...[...server, '--topic', 'orders', '--num-records', '250', '--record-size', '1000', '--throughput', '-1'],
    ...['--command-property', 'batch.size=50000', '--print-metrics'],
  ])
  const throttleTime = /produce-throttle-time-max:\{client-id=perf-producer-client\}\s*:\s*([\d.]+)/.exec(
    String(metrics),
  )
  expect(Number(throttleTime?.[1])).toBeGreaterThan(0)
  expect(broker.records('orders')).toHaveLength(250)

  await configs('--alter', '--delete-config', 'producer_byte_rate,consumer_byte_rate', ...client)
  expect(await configs('--describe', ...client)).not.toMatch(/byte_rate/)
})
