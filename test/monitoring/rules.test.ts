import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { alerts, recordings } from '../../scripts/monitoring/rules.mjs'
import { hasPrometheus } from './prometheus-tools.ts'

const rulesFile = fileURLToPath(new URL('../../monitoring/prometheus-rules.yml', import.meta.url))

/** Samples every 15 s, in promtool's notation: `0+5x40` grows by 5 forty times, `_x8` is not there eight times. */
type Samples = Readonly<Record<string, string>>

const producer = 'client_id="orders", instance="host:9464", job="producers"'
const series = (name: string, labels = '') => `kafka_producer_${name}{${producer}${labels === '' ? '' : `, ${labels}`}}`
const lives = { [series('info', 'version="0.1.0"')]: '1x120' }
const upgraded = {
  [series('info', 'version="0.1.0"')]: '1x69 stale',
  [series('info', 'version="0.2.0"')]: '_x70 1x50',
}
const outcomes = (outcome: string, code: string) =>
  series('record_outcomes_total', `outcome="${outcome}", code="${code}"`)
const acknowledges = { [outcomes('acknowledged', 'NONE')]: '0+1000x120' }
/** A histogram of deliveries of which all take at most `le` seconds. */
const deliveries = (slowest: string) => {
  const bounds = ['0.1', '1', '5', '10', '30', '+Inf']
  return Object.fromEntries(
    bounds.map((le, index) => [
      series('delivery_duration_seconds_bucket', `le="${le}"`),
      index < bounds.indexOf(slowest) ? '0x120' : '0+100x120',
    ]),
  )
}

/** For each alert what it is meant for, and what is close to it and is not. Asked after `minutes` (default 20). */
const cases: Record<string, { fires: Samples[]; silent: Samples[]; minutes?: number }> = {
  KafkaProducerRecordsFailing: {
    fires: [
      // Born with all there will ever be: `increase` alone would see nothing.
      { ...lives, ...acknowledges, [outcomes('not-written', 'MESSAGE_TOO_LARGE')]: '_x70 3x50' },
      { ...lives, ...acknowledges, [outcomes('not-written', 'MESSAGE_TOO_LARGE')]: '7x70 8x50' },
      { ...upgraded, ...acknowledges, [outcomes('not-written', 'MESSAGE_TOO_LARGE')]: '_x71 3x50' },
    ],
    silent: [
      { ...lives, ...acknowledges },
      // Long ago, and unchanged since.
      { ...lives, ...acknowledges, [outcomes('not-written', 'MESSAGE_TOO_LARGE')]: '7x120' },
      // A Prometheus that is new to an old producer: nothing failed while it looked.
      {
        [series('info', 'version="0.1.0"')]: '_x70 1x50',
        [outcomes('not-written', 'MESSAGE_TOO_LARGE')]: '_x70 7x50',
      },
      { ...lives, ...acknowledges, [outcomes('unknown', 'DELIVERY_TIMEOUT')]: '_x70 3x50' },
      { ...upgraded, ...acknowledges, [outcomes('not-written', 'MESSAGE_TOO_LARGE')]: '7x120' },
    ],
  },
  KafkaProducerOutcomeUnknown: {
    fires: [{ ...lives, ...acknowledges, [outcomes('unknown', 'DELIVERY_TIMEOUT')]: '_x70 1x50' }],
    silent: [
      { ...lives, ...acknowledges, [outcomes('unknown', 'DELIVERY_TIMEOUT')]: '1x120' },
      { ...lives, ...acknowledges, [outcomes('not-written', 'INVALID_RECORD')]: '_x70 1x50' },
    ],
  },
  KafkaProducerUndelivered: {
    fires: [{ [series('records_undelivered_total')]: '0x70 2x50' }],
    silent: [{ [series('records_undelivered_total')]: '2x120' }],
  },
  KafkaProducerStalled: {
    fires: [
      { [outcomes('acknowledged', 'NONE')]: '1000x120', [series('requests_in_flight')]: '5x120' },
      { [outcomes('acknowledged', 'NONE')]: '0x120', [series('waiting_records')]: '10x120' },
      {
        [outcomes('acknowledged', 'NONE')]: '0x120',
        [series('buffer_available_bytes')]: '10x120',
        [series('buffer_limit_bytes')]: '20x120',
      },
    ],
    silent: [
      // Idle.
      {
        [outcomes('acknowledged', 'NONE')]: '1000x120',
        [series('requests_in_flight')]: '0x120',
        [series('waiting_records')]: '0x120',
        [series('buffer_available_bytes')]: '20x120',
        [series('buffer_limit_bytes')]: '20x120',
      },
      { ...acknowledges, [series('requests_in_flight')]: '5x120', [series('waiting_records')]: '10x120' },
    ],
  },
  KafkaProducerRetriesHigh: {
    fires: [
      {
        [series('records_sent_total', 'topic="a"')]: '0+100x120',
        [series('records_retried_total', 'topic="a"')]: '0+10x120',
      },
    ],
    silent: [
      {
        [series('records_sent_total', 'topic="a"')]: '0+100x120',
        [series('records_retried_total', 'topic="a"')]: '0+4x120',
      },
      // A leader that moved: much at once, and no more.
      {
        [series('records_sent_total', 'topic="a"')]: '0+100x120',
        [series('records_retried_total', 'topic="a"')]: '0x60 900x60',
      },
    ],
  },
  KafkaProducerDeliverySlow: { fires: [deliveries('10')], silent: [deliveries('1'), deliveries('5')] },
  KafkaProducerBufferNearlyFull: {
    minutes: 18,
    fires: [{ [series('buffer_available_bytes')]: '1x120', [series('buffer_limit_bytes')]: '20x120' }],
    silent: [
      { [series('buffer_available_bytes')]: '4x120', [series('buffer_limit_bytes')]: '20x120' },
      // A burst.
      { [series('buffer_available_bytes')]: '20x60 0x20 20x40', [series('buffer_limit_bytes')]: '20x120' },
    ],
  },
  KafkaProducerWaitingForMemory: {
    fires: [{ [series('memory_wait_seconds_total')]: '0+3x120' }],
    silent: [{ [series('memory_wait_seconds_total')]: '0+1x120' }, { [series('memory_wait_seconds_total')]: '50x120' }],
  },
  KafkaProducerThrottled: {
    fires: [{ [series('throttle_seconds_total')]: '0+3x120' }],
    silent: [{ [series('throttle_seconds_total')]: '0+1x120' }],
  },
  KafkaProducerConnectionsFlapping: {
    fires: [{ [series('connections_closed_total')]: '0+3x120' }],
    // Idle connections are closed after some minutes.
    silent: [{ [series('connections_closed_total')]: '0x30 3x30 6x30 9x30' }],
  },
  KafkaProducerMetadataStale: {
    fires: [{ [series('metadata_age_seconds')]: '0+15x120' }],
    silent: [{ [series('metadata_age_seconds')]: '0+15x20 0+15x20 0+15x20 0+15x20 0+15x20' }],
  },
  KafkaProducerEventLoopBlocked: {
    fires: [{ [series('event_loop_delay_seconds', 'quantile="0.99"')]: '0.3x120' }],
    silent: [
      {
        [series('event_loop_delay_seconds', 'quantile="0.99"')]: '0.02x120',
        [series('event_loop_delay_seconds', 'quantile="1"')]: '3x120',
      },
    ],
  },
  KafkaProducerTransactionsFailing: {
    fires: [
      {
        [series('transactions_total', 'result="committed"')]: '0+4x120',
        [series('transactions_total', 'result="aborted"')]: '0+3x120',
        [series('transactions_total', 'result="failed"')]: '0+3x120',
      },
    ],
    silent: [
      // No transactions at all.
      {
        [series('transactions_total', 'result="committed"')]: '0x120',
        [series('transactions_total', 'result="aborted"')]: '0x120',
        [series('transactions_total', 'result="failed"')]: '0x120',
      },
      {
        [series('transactions_total', 'result="committed"')]: '0+9x120',
        [series('transactions_total', 'result="aborted"')]: '0+1x120',
        [series('transactions_total', 'result="failed"')]: '0x120',
      },
    ],
  },
}

test('each alert has cases in which it fires, and such in which it does not', () => {
  expect(Object.keys(cases).sort()).toEqual(alerts.map(({ alert }) => alert).sort())
  for (const { fires, silent } of Object.values(cases))
    expect([fires, silent].every(each => each.length > 0)).toBe(true)
})

test('each alert says who, what, and what to do, and waits before it fires', () => {
  for (const { summary, description, for: waits, severity } of alerts) {
    expect(summary).toContain('$labels.client_id')
    expect(description.length).toBeGreaterThan(80)
    expect(waits).toMatch(/^\d+m$/)
    expect(['critical', 'warning']).toContain(severity)
  }
})

describe.skipIf(!hasPrometheus('the rules of monitoring/ are not tried'))('promtool', () => {
  test('finds the rules well formed', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', '--lint-fatal', rulesFile])

    expect(status, String(stderr)).toBe(0)
    expect(String(stdout)).toContain(`${alerts.length + recordings.length} rules found`)
  })

  test.each(Object.entries(cases))('%s', (alert, { fires, silent, minutes = 20 }) => {
    const firing = `count(ALERTS{alertname="${alert}", alertstate="firing"}) or vector(0)`
    const groups = [...fires.map(samples => ({ samples, value: 1 })), ...silent.map(samples => ({ samples, value: 0 }))]

    const { status, output } = runPromtool(
      groups.map(({ samples, value }) => ({
        ...given(samples),
        promql_expr_test: [{ expr: firing, eval_time: `${minutes}m`, exp_samples: [{ labels: '{}', value }] }],
      })),
    )

    expect(status, output).toBe(0)
  })

  test('an alert has the labels of its producer, and its text the numbers', () => {
    const { status, output } = runPromtool([
      {
        ...given({ [series('buffer_available_bytes')]: '1x120', [series('buffer_limit_bytes')]: '20x120' }),
        alert_rule_test: [
          {
            alertname: 'KafkaProducerBufferNearlyFull',
            eval_time: '20m',
            exp_alerts: [
              {
                exp_labels: { client_id: 'orders', instance: 'host:9464', job: 'producers', severity: 'warning' },
                exp_annotations: {
                  summary: 'Producer orders (host:9464): its buffer is nearly full',
                  description:
                    '95% of bufferMemory is taken: more is sent than brokers take. Pause while hasRoom is false, send less, or find out why the brokers are slow; more bufferMemory only helps against bursts.',
                },
              },
            ],
          },
        ],
      },
    ])

    expect(status, output).toBe(0)
  })

  test('a wrong expectation would be found', () => {
    const { status } = runPromtool([
      {
        ...given({}),
        promql_expr_test: [{ expr: 'vector(1)', eval_time: '1m', exp_samples: [{ labels: '{}', value: 2 }] }],
      },
    ])

    expect(status).toBe(1)
  })
})

const given = (samples: Samples) => ({
  interval: '15s',
  input_series: Object.entries(samples).map(([name, values]) => ({ series: name, values })),
})

/** What is JSON is YAML as well. */
function runPromtool(tests: readonly object[]): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-rules-'))
  try {
    const file = join(folder, 'tests.yml')
    // promtool takes the files from the folder of the tests.
    writeFileSync(join(folder, 'rules.yml'), readFileSync(rulesFile))
    writeFileSync(file, JSON.stringify({ rule_files: ['rules.yml'], evaluation_interval: '15s', tests }))
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file])
    return { status, output: `${stdout}${stderr}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
