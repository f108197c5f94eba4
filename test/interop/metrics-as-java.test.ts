import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { createTopic, describeCluster, type TopicOptions } from '../../scripts/kafka/admin.mjs'
import { openClusterWhenReady } from '../../scripts/kafka/cluster.mjs'
import { canCompileJava } from '../../scripts/kafka/requirements.mjs'
import { missing, type Tolerance, tolerances } from '../../scripts/metrics/compared-with-java.mjs'
import { startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import {
  type Load,
  runWithJava,
  runWithOttla,
  type Step,
  type Taken,
  type TakenFromJava,
} from '../kafka/metrics-load.ts'

const kafka = inject('kafka')
const why = kafka.kind === 'none' ? kafka.why : canCompileJava() ? undefined : 'java is a JRE; a JDK is needed'
if (why !== undefined) process.stderr.write(`SKIPPED: metrics() is not compared with Java's producer: ${why}\n`)

interface Run {
  readonly java: TakenFromJava
  readonly ottla: Taken
}

let bootstrapServers: string

/** Both producers do the same at the same time, so that what the machine and the brokers do besides strikes both. */
async function runBoth(properties: Load['properties'], steps: readonly Step[]): Promise<Run> {
  const common = { 'bootstrap.servers': bootstrapServers, 'client.id': 'compared', 'enable.metrics.push': false }
  // A quota is for a client id, and one producer at a time holds a transactional id: where they matter, each has its own.
  const own = (name: string) =>
    Object.fromEntries(
      ['client.id', 'transactional.id'].flatMap(id => (id in properties ? [[id, `${properties[id]}-${name}`]] : [])),
    )
  const of = (name: string) => ({ steps, properties: { ...common, ...properties, ...own(name) } })
  const [java, ottla] = await Promise.all([runWithJava(of('java')), runWithOttla(of('ottla'))])
  return { java, ottla }
}

async function newTopic(options: TopicOptions): Promise<string> {
  const name = `compared-${randomUUID().slice(0, 13)}`
  await createTopic(bootstrapServers, name, options)
  return name
}

/** A metric of the producer, in both. */
function both({ java, ottla }: Run, moment: string, name: string, group = 'producer-metrics'): [number, number] {
  const [ours, theirs] = [ottla, java].map(({ taken }) =>
    taken[moment]!.find(metric => metric.name === name && metric.group === group),
  )
  if (ours === undefined || theirs === undefined) throw new Error(`${name} is not in both`)
  return [Number(theirs.value), Number(ours.value)]
}

/** Records sent, without those that a broker sent back: in a new topic, or after a transaction that it is still ending, that may happen. */
function sentOnce(run: Run): [number, number] {
  const [sent, retried] = ['record-send-total', 'record-retry-total'].map(name => both(run, 'done', name)) as [
    [number, number],
    [number, number],
  ]
  return [sent[0] - retried[0], sent[1] - retried[1]]
}

function expectWithin(what: string, java: number, ottla: number, tolerance: Tolerance): void {
  const told = `${what}: Java ${java}, ottla ${ottla}`
  switch (tolerance.kind) {
    case 'equal':
      expect(ottla, told).toBe(java)
      break
    case 'ratio': {
      const isNear = Math.abs(java - ottla) <= (tolerance.orApart ?? 0)
      if (!isNear) expect(Math.max(java, ottla) / Math.min(java, ottla) - 1, told).toBeLessThanOrEqual(tolerance.bound)
      break
    }
    case 'less':
      expect(java - ottla, told).toBeGreaterThanOrEqual(tolerance.from)
      expect(java - ottla, told).toBeLessThanOrEqual(tolerance.to)
      break
    case 'positive':
      expect(Math.min(java, ottla), told).toBeGreaterThan(0)
      break
    case 'number':
      expect(Number.isFinite(java) && Number.isFinite(ottla), told).toBe(true)
  }
}

/** What docs/metrics.md shows of one run: `OTTLA_METRICS_SEEN=1 npx vitest run --project kafka test/interop/metrics-as-java`. */
function keepWhatWasSeen(run: Run): void {
  const rows = run.ottla.taken.running!.filter(({ group }) => group === 'producer-metrics')
  const seen = rows.map(({ name }) => {
    const [java, ottla] = both(run, name.endsWith('-total') ? 'done' : 'running', name)
    return { name, java: Number(java.toPrecision(4)), ottla: Number(ottla.toPrecision(4)) }
  })
  const file = new URL('../../scripts/metrics/seen.json', import.meta.url)
  writeFileSync(file, `[\n${seen.map(row => `  ${JSON.stringify(row)}`).join(',\n')}\n]\n`)
}

const ofKafka = (group: string) => !group.startsWith('ottla-')
const isBootstrap = (tags: Readonly<Record<string, string>>) => tags['node-id']?.startsWith('node--') === true

/** Names with their group and the names of their tags, brokers and topics put aside. */
const identities = (taken: Taken['taken'][string]) =>
  new Set(
    taken
      .filter(({ group, tags }) => ofKafka(group) && !isBootstrap(tags))
      .map(({ group, name, tags }) => `${group} ${name} {${Object.keys(tags).sort()}}`),
  )

// Most of it is waiting for a load that is slow on purpose.
const together = { concurrent: true }

describe.skipIf(why !== undefined)("metrics(), beside Java's producer under the same load on Kafka", together, () => {
  let topics: string[]
  /** On a cluster of fewer than three brokers the partitions are where there is room. */
  const assignments = [
    [[1], [2]],
    [[2], [3]],
    [[3], [1]],
  ]

  beforeAll(async () => {
    if (kafka.kind === 'own') bootstrapServers = (await openClusterWhenReady(kafka.folder)).bootstrapServers
    else if (kafka.kind === 'given') bootstrapServers = kafka.bootstrapServers
    const ids = (await describeCluster(bootstrapServers)).brokers.map(({ id }) => id).sort()
    topics = []
    for (const assignment of assignments)
      topics.push(
        await newTopic({ assignment: assignment.map(replicas => replicas.map(id => ids[(id - 1) % ids.length]!)) }),
      )
  }, 15 * 60_000)

  /** Ten seconds: one record to each partition, so that both know the cluster; then the load. */
  const steady = (): Step[] => {
    const to = { do: 'send', topics, partitions: 2, bytes: 1000 } as const
    return [
      { ...to, records: 6, perSecond: 0 },
      { do: 'flush' },
      { ...to, records: 1600, perSecond: 200 },
      { do: 'metrics', as: 'running' },
      { do: 'flush' },
      { do: 'metrics', as: 'done' },
    ]
  }

  test.each(['none', 'lz4'])(
    'steady load, compression %s: the same names, groups and tags; values within the tolerances',
    async codec => {
      const run = await runBoth(
        { 'linger.ms': 50, 'metrics.sample.window.ms': 2000, 'compression.type': codec },
        steady(),
      )
      const { java, ottla } = run

      const theirs = identities(java.taken.done!)
      const ours = identities(ottla.taken.done!)
      const without = (from: Set<string>, those: Set<string>) => [...from].filter(one => !those.has(one)).sort()
      expect(without(theirs, ours)).toEqual(
        [
          ...missing.flatMap(({ group, names }) => names.map(name => `${group} ${name} {client-id}`)),
          'app-info version {client-id}',
        ].sort(),
      )
      expect(without(ours, theirs)).toEqual(['app-info version {client-id,version}'])
      // metrics() and the reporters tell the same: nothing was looked for in the wrong place.
      const told = new Set(java.taken.done!.map(({ group, name }) => `${group} ${name}`))
      expect(new Set(java.reported)).toEqual(told)

      const compared = new Set<string>()
      for (const { names, tolerance, compressed } of tolerances)
        for (const name of names) {
          // What is over windows is asked while records flow, what adds up when all have gone.
          const moment = /-total$|in-flight$|available|waiting|size-max|^co/.test(name) ? 'done' : 'running'
          for (const metric of ottla.taken[moment]!.filter(each => each.name === name && ofKafka(each.group))) {
            const where = Object.entries(metric.tags).map(([tag, value]) => `${tag}=${value}`)
            const theirMetric = java.taken[moment]!.find(
              ({ group, name, tags }) =>
                group === metric.group &&
                name === metric.name &&
                tags['node-id'] === metric.tags['node-id'] &&
                tags.topic === metric.tags.topic,
            )
            compared.add(`${metric.group} ${name}`)
            const what = `${metric.group} ${name} ${where} (${moment})`
            if (theirMetric === undefined) throw new Error(`Java has no ${what}`)
            expectWithin(
              what,
              Number(theirMetric.value),
              Number(metric.value),
              (codec !== 'none' && compressed) || tolerance,
            )
          }
        }
      const all = ottla.taken.done!.filter(({ group, name }) => ofKafka(group) && name !== 'version')
      expect(compared).toEqual(new Set(all.map(({ group, name }) => `${group} ${name}`)))
      if (process.env.OTTLA_METRICS_SEEN !== undefined && codec === 'none') keepWhatWasSeen(run)
      expect(both(run, 'done', 'record-send-total')).toEqual([1606, 1606])
      expect(both(run, 'done', 'compression-rate-avg')[1] < 0.2).toBe(codec === 'lz4')
    },
  )

  test('records that are refused, here and by brokers, are counted alike', async () => {
    const small = await newTopic({ config: { 'max.message.bytes': 2000 } })
    const one = (topic: string, bytes: number, records = 1): Step[] => [
      { do: 'send', topics: [topic], partitions: 1, records, bytes, perSecond: 0 },
      { do: 'flush' },
    ]
    const run = await runBoth({}, [
      ...one(topics[0]!, 500, 4),
      ...one(small, 5000), // refused by the broker
      ...one(small, 5000),
      ...one(topics[0]!, 2_000_000), // refused by send(): max.request.size
      ...one('no such topic!', 100, 3), // refused by the cluster
      { do: 'metrics', as: 'done' },
    ])

    expect([run.java.failures, run.ottla.failures]).toEqual([6, 6])
    expect(both(run, 'done', 'record-error-total')).toEqual([6, 6])
    expect(sentOnce(run)).toEqual([6, 6])
    expect(Math.min(...both(run, 'done', 'record-error-rate'))).toBeGreaterThan(0)
    const failed = (taken: Taken, topic: string) =>
      taken.taken.done!.find(({ name, tags }) => name === 'record-error-total' && tags.topic === topic)?.value
    expect([failed(run.java, small), failed(run.ottla, small)]).toEqual([2, 2])
    // On purpose: Java's topic does not count what send() refused.
    expect([failed(run.java, topics[0]!), failed(run.ottla, topics[0]!)]).toEqual([0, 1])
  })

  test('retries, time without memory and sends that give up are there in both', async () => {
    // On the embedded broker: on Kafka brokers would have to go for this.
    await using broker = await startBroker({ topics: { stuck: { partitions: 1 } } })
    broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: Number.POSITIVE_INFINITY })
    const properties = {
      'bootstrap.servers': broker.bootstrapServers,
      ...{ 'buffer.memory': 65_536, 'batch.size': 16_384, 'linger.ms': 0, 'max.block.ms': 300 },
      ...{ 'request.timeout.ms': 2000, 'delivery.timeout.ms': 3000, 'metrics.sample.window.ms': 10_000 },
    }
    const run = await runBoth(properties, [
      { do: 'send', topics: ['stuck'], partitions: 1, records: 140, bytes: 1000, perSecond: 100 },
      { do: 'flush' },
      { do: 'metrics', as: 'done' },
    ])

    expect([run.java.failures, run.ottla.failures]).toEqual([140, 140])
    // On purpose: Java counts a batch that ran out of time again when its last request is answered.
    const [java, ottla] = both(run, 'done', 'record-error-total')
    expect(ottla).toBe(140)
    expect(java).toBeGreaterThanOrEqual(140)
    for (const name of ['record-retry-total', 'record-retry-rate', 'buffer-exhausted-total', 'buffer-exhausted-rate'])
      expect(Math.min(...both(run, 'done', name)), name).toBeGreaterThan(0)
    for (const name of ['bufferpool-wait-ratio', 'bufferpool-wait-time-ns-total'])
      expect(Math.min(...both(run, 'done', name)), name).toBeGreaterThan(0)
    expect(both(run, 'done', 'buffer-total-bytes')).toEqual([65_536, 65_536])
    // Java's may still hold a batch that was answered after its records had failed.
    expect(both(run, 'done', 'buffer-available-bytes')[1]).toBe(65_536)
  })

  test('the time in transactional calls is there in both', async () => {
    const [topic] = topics as [string]
    const few: Step = { do: 'send', topics: [topic], partitions: 2, records: 10, bytes: 100, perSecond: 0 }
    const run = await runBoth({ 'transactional.id': `compared-${randomUUID()}` }, [
      { do: 'init' },
      ...([{ do: 'begin' }, few, { do: 'offsets', topic, group: 'compared' }, { do: 'commit' }] satisfies Step[]),
      ...([{ do: 'begin' }, few, { do: 'flush' }, { do: 'abort' }] satisfies Step[]),
      { do: 'metrics', as: 'done' },
    ])

    expect(sentOnce(run)).toEqual([20, 20])
    for (const call of ['init', 'begin', 'send-offsets', 'commit', 'abort'])
      expect(Math.min(...both(run, 'done', `txn-${call}-time-ns-total`)), call).toBeGreaterThan(0)
    expect(both(run, 'done', 'txn-prepare-time-ns-total')).toEqual([0, 0])
    expect(Math.min(...both(run, 'done', 'flush-time-ns-total'))).toBeGreaterThan(0)
  })

  // A given cluster's quotas are its owner's.
  test.skipIf(kafka.kind === 'given')('a client over its quota sees it in both', async () => {
    const clientId = `compared-${randomUUID()}`
    const [host, port] = bootstrapServers.split(',')[0]!.split(':') as [string, string]
    await using connection = await RawConnection.to(host, Number(port))
    const entries = ['java', 'ottla'].map(name => ({
      entity: [{ entityType: 'client-id', entityName: `${clientId}-${name}` }],
      ops: [{ key: 'producer_byte_rate', value: 5000, remove: false }],
    }))
    await connection.call(apis.alterClientQuotas, 1, { entries, validateOnly: false })
    // Kafka looks at ten seconds: 65 kB in an instant are 6500 a second.
    const run = await runBoth({ 'client.id': clientId }, [
      { do: 'wait', ms: 1000 }, // until the brokers have heard of the quota
      { do: 'send', topics: [topics[0]!], partitions: 1, records: 65, bytes: 1000, perSecond: 100 },
      { do: 'flush' },
      { do: 'metrics', as: 'done' },
    ])

    for (const name of ['produce-throttle-time-avg', 'produce-throttle-time-max'])
      expect(Math.min(...both(run, 'done', name)), name).toBeGreaterThan(0)
    expect(sentOnce(run)).toEqual([65, 65])
  })
})
