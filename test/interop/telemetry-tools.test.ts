import { expect, inject, test } from 'vitest'
import { runTool } from '../../scripts/kafka/java.mjs'
import { startBroker, type TelemetryMetric } from '../../src/broker/index.ts'

const needsJava = test.skipIf(inject('kafka').kind === 'none')

needsJava(
  'kafka-client-metrics subscribes, shows and deletes; the Java producer pushes what is asked for',
  async () => {
    await using broker = await startBroker({ topics: { orders: { partitions: 1 } }, telemetry: {} })
    const server = ['--bootstrap-server', broker.bootstrapServers]
    const clientMetrics = async (...args: string[]) =>
      (await runTool('ClientMetricsCommand', [...server, ...args])).toString()
    const perf = ['--topic', 'orders', '--num-records', '3000', '--record-size', '100', '--throughput', '1500']
    const metrics = 'org.apache.kafka.producer.record.,org.apache.kafka.producer.topic.'

    await clientMetrics(
      '--alter',
      '--name',
      'all',
      '--metrics',
      metrics,
      '--interval',
      '300',
      '--match',
      'client_id=perf.*',
    )
    await clientMetrics('--alter', '--name', 'others', '--metrics', '*', '--match', 'client_id=someone-else')
    const shown = await clientMetrics('--describe', '--name', 'all')
    const list = await clientMetrics('--list')
    await runTool('ProducerPerformance', [...server, ...perf])

    expect(shown).toContain(`metrics=${metrics}`)
    expect(shown).toContain('interval.ms=300')
    expect(shown).toContain('match=client_id=perf.*')
    expect(list.trim().split('\n').sort()).toEqual(['all', 'others'])
    const pushes = broker.telemetry()
    expect(pushes.length).toBeGreaterThan(1)
    expect(new Set(pushes.map(({ clientId }) => clientId))).toEqual(new Set(['perf-producer-client']))
    // Java closes whether or not its last push has left.
    const wasLast = pushes.findIndex(({ isTerminating }) => isTerminating)
    expect([-1, pushes.length - 1]).toContain(wasLast)
    expect(pushes.every(({ codec }) => codec === 4)).toBe(true)
    const points = pushes.flatMap(push => push.metrics)
    expect(points.every(({ name }) => /^org\.apache\.kafka\.producer\.(record|topic)\./.test(name))).toBe(true)
    const sum = (own: readonly TelemetryMetric[]) => own.reduce((all, { value }) => all + (value as number), 0)
    const named = (name: string) => points.filter(point => point.name === name)
    const sent = sum(named('org.apache.kafka.producer.topic.record.send.total'))
    expect(sent).toBeGreaterThan(0)
    expect(sent).toBeLessThanOrEqual(3000)
    if (wasLast !== -1) expect(sent).toBe(3000)
    expect(named('org.apache.kafka.producer.topic.record.send.total')[0]!.attributes).toEqual({ topic: 'orders' })

    await clientMetrics('--delete', '--name', 'all')
    expect((await clientMetrics('--list')).trim()).toBe('others')
  },
)
