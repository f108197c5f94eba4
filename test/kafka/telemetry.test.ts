import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { until } from '../../scripts/kafka/admin.mjs'
import { type Cluster, startCluster } from '../../scripts/kafka/cluster.mjs'
import { compileJavaSource, runTool } from '../../scripts/kafka/java.mjs'
import { hasJavaCompiler } from '../../scripts/kafka/requirements.mjs'
import type { TelemetryHistogram } from '../../src/broker/index.ts'
import { createProducer, type Metric } from '../../src/index.ts'

/** A push as TelemetryReceiver.java has written it, read with Kafka's own classes for OTLP. */
interface ReceivedPush {
  readonly clientId: string
  readonly clientInstanceId: string
  readonly isTerminating: boolean
  readonly contentType: string
  readonly points: readonly ReceivedPoint[]
}

interface ReceivedPoint {
  readonly name: string
  readonly unit: string
  readonly type: 'gauge' | 'counter' | 'sum' | 'histogram'
  readonly temporality: 'DELTA' | 'CUMULATIVE' | null
  readonly attributes: Readonly<Record<string, string>>
  readonly resource: Readonly<Record<string, string>>
  readonly startMs: number
  readonly timeMs: number
  /** Jackson writes NaN as text. */
  readonly value: number | 'NaN' | TelemetryHistogram
}

const why = skipped()
if (why !== undefined) process.stderr.write(`SKIPPED: telemetry to a real Kafka: ${why}\n`)

function skipped(): string | undefined {
  const kafka = inject('kafka')
  if (kafka.kind === 'none') return kafka.why
  if (kafka.kind === 'given') return 'a cluster was given, and what receives metrics cannot be put into it'
  return hasJavaCompiler() ? undefined : 'this Java has no compiler (JDK 17 or later)'
}

/** `producer-topic-metrics`, `byte-rate`, of topic `a`: as KIP-714 names it. */
function keyOf({ group, name, tags }: Metric): string {
  const path = `${group.replace('-metrics', '')}-${name}`.replaceAll('-', '.')
  const { 'client-id': _, ...others } = tags
  const attributes = Object.fromEntries(
    Object.entries(others)
      .map(([tag, value]) => [tag.replaceAll('-', '_'), value] as const)
      .sort(),
  )
  return `${group.startsWith('ottla-') ? '' : 'org.apache.kafka.'}${path} ${JSON.stringify(attributes)}`
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
const keyOfPoint = ({ name, attributes }: ReceivedPoint) => `${name} ${JSON.stringify(attributes)}`

describe.skipIf(why !== undefined)('telemetry to Kafka with a plug-in that receives it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-telemetry-'))
  const file = join(folder, 'pushes.jsonl')
  let cluster: Cluster

  beforeAll(async () => {
    await compileJavaSource('TelemetryReceiver.java', folder)
    cluster = await startCluster({
      classFolders: [folder],
      properties: { 'metric.reporters': 'TelemetryReceiver', 'ottla.telemetry.file': file },
      ownedByThisProcess: true,
    })
    await subscribe('all', '*', 500)
    await cluster.createTopic('readings', { partitions: 3 })
    await cluster.createTopic('others')
  }, 15 * 60_000)
  afterAll(async () => {
    await cluster?.down()
    rmSync(folder, { recursive: true, force: true })
  })

  async function subscribe(name: string, metrics: string, intervalMs: number, match?: string): Promise<void> {
    const what = ['--alter', '--name', name, '--metrics', metrics, '--interval', String(intervalMs)]
    const who = match === undefined ? [] : ['--match', match]
    await runTool('ClientMetricsCommand', ['--bootstrap-server', cluster.bootstrapServers, ...what, ...who])
  }

  const pushesOf = (clientId: string): ReceivedPush[] =>
    !existsSync(file)
      ? []
      : readFileSync(file, 'utf8')
          .split('\n')
          .filter(line => line.includes(`"clientId":"${clientId}"`) && line.endsWith('}'))
          .map(line => JSON.parse(line) as ReceivedPush)
  const receivedBy = (clientId: string, count: number) =>
    until(`${count} pushes of ${clientId}`, async () => pushesOf(clientId).length >= count)

  test('names and values are those of metrics(), counters in sum over all pushes', async () => {
    const producer = createProducer({
      ...{ bootstrapServers: cluster.bootstrapServers, clientId: 'compared', compressionType: 'zstd' },
      metricsSampleWindowMs: 300_000, // nothing grows old while it is compared
    })
    const id = await producer.clientInstanceId()
    const send = (count: number) =>
      producer.sendAll(
        Array.from({ length: count }, (_, n) => ({
          topic: n % 10 === 0 ? 'others' : 'readings',
          key: `k${n}`,
          value: `value ${n}`.repeat(10),
        })),
      )
    await send(3000)
    await receivedBy('compared', 2)
    await send(2000)
    await receivedBy('compared', pushesOf('compared').length + 1)
    const metrics = [...producer.metrics()]
    await producer.close()

    await until('the last push', async () => pushesOf('compared').some(push => push.isTerminating))
    const pushes = pushesOf('compared')
    const points = new Map<string, ReceivedPoint[]>()
    for (const point of pushes.flatMap(push => push.points))
      points.set(keyOfPoint(point), [...(points.get(keyOfPoint(point)) ?? []), point])
    expect(new Set(pushes.map(push => push.clientInstanceId))).toEqual(new Set([id]))
    expect(pushes.map(push => push.isTerminating)).toEqual([...pushes.slice(1).map(() => false), true])
    let compared = 0
    for (const metric of metrics) {
      const told = points.get(keyOf(metric)) ?? []
      if (typeof metric.value === 'number' && Number.isNaN(metric.value)) {
        expect(told, keyOf(metric)).toEqual([])
        continue
      }
      expect(told.length, keyOf(metric)).toBeGreaterThan(0)
      // What goes on without records: the pushes themselves are requests on a connection, and time passes.
      if (
        /^(request|response|outgoing|incoming|network|connection)-(?!latency)|-rate$|^event-loop|^metadata-age/.test(
          metric.name,
        )
      )
        continue
      compared++
      if (metric.type === 'histogram') {
        const values = told.map(({ value }) => value as TelemetryHistogram)
        const { count, sum, buckets } = metric.value
        expect(total(values.map(own => own.count)), keyOf(metric)).toBe(count)
        expect(total(values.map(own => own.sum)), keyOf(metric)).toBeCloseTo(sum, 6)
        expect(values[0]!.bounds).toEqual(buckets.map(({ le }) => le))
      } else if (metric.type === 'gauge') expect(told.at(-1)!.value, keyOf(metric)).toBeCloseTo(metric.value, 6)
      else {
        expect(told.every(({ type, temporality }) => type === 'counter' && temporality === 'DELTA')).toBe(true)
        const values = told.map(({ value }) => value as number)
        // close() flushes, which takes a moment.
        if (metric.name !== 'flush-time-ns-total') expect(total(values), keyOf(metric)).toBeCloseTo(metric.value, 6)
      }
    }
    expect(compared).toBeGreaterThan(60)
    const sent = points.get('org.apache.kafka.producer.record.send.total {}')!
    for (const [index, point] of sent.entries()) if (index > 0) expect(point.startMs).toBe(sent[index - 1]!.timeMs)
  })

  test('a transactional producer says which, and a subscription to some metrics brings no others', async () => {
    await subscribe('all', 'org.apache.kafka.producer.txn.', 500)
    const producer = createProducer({
      ...{ bootstrapServers: cluster.bootstrapServers, clientId: 'transactional', transactionalId: 'mine' },
    })
    await producer.transaction(transaction => transaction.send({ topic: 'readings', value: 'x' }))
    await receivedBy('transactional', 1)
    await producer.close()

    const points = pushesOf('transactional').flatMap(push => push.points)
    expect(points.length).toBeGreaterThan(0)
    expect(points.every(({ name }) => name.startsWith('org.apache.kafka.producer.txn.'))).toBe(true)
    expect(points.every(({ resource }) => resource.transactional_id === 'mine')).toBe(true)
    await subscribe('all', '*', 500)
  })

  test('a subscription that changes is followed without an error', async () => {
    const errors: unknown[] = []
    const producer = createProducer({ bootstrapServers: cluster.bootstrapServers, clientId: 'changing' })
    producer.on('error', error => errors.push(error))
    await producer.send({ topic: 'readings', value: 'x' })
    await receivedBy('changing', 1)
    await subscribe('all', 'org.apache.kafka.producer.batch.', 300)

    await until('only what is asked for now', async () =>
      Boolean(
        pushesOf('changing')
          .at(-1)
          ?.points.every(({ name }) => name.includes('.batch.')),
      ),
    )
    await subscribe('all', '*', 500)
    await producer.close()

    expect(errors).toEqual([])
  })

  test("the names that Java's producer pushes are pushed as well, but for those that have no meaning here", async () => {
    const load = ['--topic', 'readings', '--num-records', '20000', '--record-size', '100', '--throughput', '10000']
    const as = ['--producer-props', `bootstrap.servers=${cluster.bootstrapServers}`, 'client.id=java']
    const producer = createProducer({ bootstrapServers: cluster.bootstrapServers, clientId: 'node' })
    await producer.send({ topic: 'readings', value: 'x' })
    await receivedBy('node', 1)
    await producer.close()
    await runTool('ProducerPerformance', [...load, ...as])

    await receivedBy('java', 1)
    const namesOf = (clientId: string) =>
      new Set(pushesOf(clientId).flatMap(({ points }) => points.map(({ name }) => name)))
    const [java, node] = [namesOf('java'), namesOf('node')]
    const missing = [...java].filter(name => name.startsWith('org.apache.kafka.producer.') && !node.has(name))
    expect(java.size).toBeGreaterThan(50)
    // Of Java's selector and its thread, and of SASL.
    const meaningless =
      /^org\.apache\.kafka\.producer\.(io|select|(failed|successful)\.(re)?authentication|reauthentication)\./
    expect(missing.filter(name => !meaningless.test(name))).toEqual([])
  })
})
