import { expect, test } from 'vitest'
import { readMetricsDocs, readSeen, renderMetricsDocs } from '../../../scripts/make-metrics-docs.mjs'
import { ProducerMeters } from './meters.ts'
import { brokerMetrics, producerMetrics, topicMetrics } from './metric-table.ts'
import { readMetrics } from './producer-metrics.ts'

test('docs/metrics.md is what the metrics say of themselves', () => {
  const rendered = renderMetricsDocs({ readMetrics, ProducerMeters, seen: readSeen() })

  expect(readMetricsDocs(), 'stale: run npm run build && node scripts/make-metrics-docs.mjs').toBe(rendered)
})

test.each(Object.entries({ ...producerMetrics, ...topicMetrics, ...brokerMetrics }))(
  'the table describes %s, and its name says its type and unit as Kafka has it',
  (name, { type, unit, description }) => {
    expect(description).toMatch(/^[A-Z].*[^.]$/)
    expect(type).toBe(name.endsWith('-total') ? 'counter' : 'gauge')
    if (/-ns-/.test(name)) expect(unit).toBe('nanoseconds')
    if (/latency|queue-time|throttle-time|delay/.test(name)) expect(unit).toBe('milliseconds')
    if (/bytes|size|byte-(rate|total)/.test(name)) expect(unit).toBe('bytes')
  },
)
