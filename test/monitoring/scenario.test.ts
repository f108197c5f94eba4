import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alerts, recordings } from '../../scripts/monitoring/rules.mjs'
import { startMetricsServer } from '../../src/prometheus/index.ts'
import { type BrokerInThread, startBrokerInThread } from '../../src/testing/index.ts'
import { readDashboard } from './dashboard-file.ts'
import { Fleet, topics, troubles } from './fleet.ts'
import { type PrometheusServer, type Series, startPrometheus } from './prometheus-server.ts'
import { hasPrometheus } from './prometheus-tools.ts'

const healthyMs = 12_000
const lateMs = 4_000
/** Generous: what is bounded is what happens, and not how quickly two busy cores get there. */
const firingTimeoutMs = 60_000
const window = '10s'
/**
 * The thread of the producers is that of the test, on a machine that may be busy with other tests: this alert may be right at any time. That
 * it is silent where nothing is late is shown with promtool alone.
 */
const eventLoopBlocked = 'KafkaProducerEventLoopBlocked'
const firing = `ALERTS{alertstate="firing", alertname!="${eventLoopBlocked}"}`

/** The rules as they are shipped, in a hurry: windows and waits of minutes become seconds. */
const hurriedRules = readFileSync(new URL('../../monitoring/prometheus-rules.yml', import.meta.url), 'utf8')
  .replaceAll('[5m]', `[${window}]`)
  .replaceAll(/for: \d+m/g, 'for: 2s')
  .replace('kafka_producer_metadata_age_seconds > 900', 'kafka_producer_metadata_age_seconds > 10')

const dashboard = readDashboard()

const isThere = hasPrometheus('dashboard and alerts meet no real Prometheus')

describe.skipIf(!isThere)('a fleet that Prometheus watches', { timeout: 2 * firingTimeoutMs }, () => {
  const resources: AsyncDisposable[] = []
  const use = <T extends AsyncDisposable>(resource: T): T => {
    resources.push(resource)
    return resource
  }
  let broker: BrokerInThread
  let fleet: Fleet
  let prometheus: PrometheusServer
  const began = new Date()

  beforeAll(async () => {
    broker = use(
      await startBrokerInThread({
        brokers: 3,
        topics: Object.fromEntries(topics.map(name => [name, { partitions: 3, replicationFactor: 3 }])),
      }),
    )
    fleet = use(new Fleet(broker))
    const server = use(await startMetricsServer([...fleet.producers.values()], { port: 0 }))
    prometheus = use(await startPrometheus(`127.0.0.1:${server.port}`, hurriedRules))
    fleet.start()
    await prometheus.until('up', series => series.some(({ values }) => values[0]![1] === '1'), firingTimeoutMs)
  })
  afterAll(async () => {
    for (const resource of resources.reverse()) await resource[Symbol.asyncDispose]()
  })

  test('in good health nothing fires', async () => {
    const from = new Date()
    await delay(healthyMs)

    expect(await firedBetween(from, new Date())).toEqual({})
    const rates = await prometheus.now(`sum by (client_id) (rate(kafka_producer_record_outcomes_total[${window}])) > 0`)
    expect(rates.map(({ metric }) => metric.client_id).sort()).toEqual(Object.keys(troubles).sort())
  })

  test('of each trouble the alerts fire that are meant for it, and no others', async () => {
    const from = new Date()
    await fleet.cause()

    const meant = Object.entries(troubles).flatMap(([clientId, { alerts }]) =>
      alerts.map(name => `${clientId} ${name}`),
    )
    await prometheus.until(
      firing,
      series => {
        const names = new Set(series.map(({ metric }) => `${metric.client_id} ${metric.alertname}`))
        return meant.every(each => names.has(each))
      },
      firingTimeoutMs,
    )
    // Whoever is a little slower, and should not be there, comes yet.
    await delay(lateMs)
    await nothingElseFiredSince(from)
  })

  test('once the trouble is over they are silent again', async () => {
    const from = new Date()
    await fleet.relieve()

    await prometheus.until(firing, series => series.length === 0, firingTimeoutMs)
    await nothingElseFiredSince(from)
  })

  test('a thread that is busy is told of, and a broker that is away costs no record', async () => {
    await broker.stop(3)
    const busy = setInterval(() => {
      const until = performance.now() + 400
      while (performance.now() < until) {}
    }, 500)
    try {
      await prometheus.until(
        `ALERTS{alertstate="firing", alertname="${eventLoopBlocked}"}`,
        series => series.length === Object.keys(troubles).length,
        firingTimeoutMs,
      )
    } finally {
      clearInterval(busy)
      await broker.start(3)
    }

    const failed = await prometheus.now('kafka_producer_records_failed_total{client_id="steady"}')
    expect(failed.map(({ values }) => values[0]![1])).toEqual(topics.map(() => '0'))
  })

  test('every alert was meant at least once', () => {
    const meant = new Set(Object.values(troubles).flatMap(trouble => trouble.alerts))

    expect([...meant, eventLoopBlocked].sort()).toEqual(alerts.map(({ alert }) => alert).sort())
  })

  test('every query of every panel has found something', async () => {
    const to = new Date()
    for (const { title, targets = [] } of dashboard.panels)
      for (const { refId, expr } of targets)
        expect(
          finite(await prometheus.range(substituted(expr, to), began, to)),
          `${title} ${refId}: ${expr}`,
        ).not.toEqual([])
  })

  test('what goes wrong is seen in the panels for it', async () => {
    const to = new Date()
    const legends = async (title: string, ...labels: string[]) => {
      const { targets = [] } = dashboard.panels.find(panel => panel.title === title && panel.targets)!
      const answers = await Promise.all(targets.map(({ expr }) => prometheus.range(substituted(expr, to), began, to)))
      const series = answers.flat().filter(each => Math.max(...finite([each])) > 0)
      return series.map(({ metric }) => labels.map(label => metric[label]).join(' '))
    }

    expect(await legends('Failed records, by outcome and code', 'outcome', 'code')).toEqual(
      expect.arrayContaining([
        'not-written INVALID_RECORD',
        'not-written TOPIC_AUTHORIZATION_FAILED',
        'unknown DELIVERY_TIMEOUT',
      ]),
    )
    expect(await legends('Retried records, by cause', 'cause')).toEqual(
      expect.arrayContaining(['NOT_ENOUGH_REPLICAS', 'REQUEST_TIMEOUT']),
    )
    expect(new Set(await legends('Brokers', 'broker'))).toEqual(new Set(['1', '2', '3']))
    expect(new Set(await legends('Topics', 'topic'))).toEqual(new Set(topics))
  })

  test('every variable of the dashboard has something to choose from', async () => {
    for (const { name, definition } of dashboard.templating.list.slice(1)) {
      const [, series = ''] = /^label_values\((.*), \w+\)$/.exec(definition!) ?? []
      expect(await prometheus.labelValues(name, substituted(series, new Date())), name).not.toEqual([])
    }
  })

  test('every rule is well, and every recorded series is there', async () => {
    const rules = await prometheus.rules()
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    expect(rules).toHaveLength(alerts.length + recordings.length)

    for (const { record, labels } of recordings) {
      const matchers = Object.entries(labels ?? {}).map(([name, value]) => `${name}="${value}"`)
      expect(finite(await prometheus.range(`${record}{${matchers}}`, began, new Date())), record).not.toEqual([])
    }
  })

  /** No alert but those that belong to what each producer suffered. */
  async function nothingElseFiredSince(from: Date): Promise<void> {
    const fired = await firedBetween(from, new Date())
    for (const [clientId, { alerts, besides = [] }] of Object.entries(troubles))
      expect([...alerts, ...besides], clientId).toEqual(expect.arrayContaining(fired[clientId] ?? []))
  }

  /** The alerts that fired, by producer. */
  async function firedBetween(from: Date, to: Date): Promise<Record<string, string[]>> {
    const fired: Record<string, string[]> = {}
    for (const { metric } of await prometheus.range(firing, from, to)) {
      fired[metric.client_id!] ??= []
      fired[metric.client_id!]!.push(metric.alertname!)
    }
    return fired
  }

  /** A query as Grafana would ask it, with all producers chosen. */
  function substituted(query: string, to: Date): string {
    const seconds = Math.ceil((to.getTime() - began.getTime()) / 1000)
    return query
      .replaceAll('$__rate_interval', window)
      .replaceAll('$__range', `${seconds}s`)
      .replaceAll(/\$(client_id|instance|topic|broker)/g, '.*')
  }
})

/** The numbers among the values; NaN is what a division by nothing gives. */
const finite = (series: readonly Series[]): number[] =>
  series.flatMap(({ values }) => values.map(([, value]) => Number(value)).filter(Number.isFinite))
