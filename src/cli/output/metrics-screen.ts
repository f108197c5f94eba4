import type { BrokerReport, Latency, MetricsReport, Rate, TopicReport } from './metrics-report.ts'
import * as quantity from './quantities.ts'
import { tableLines } from './table.ts'

/** Topics, brokers, failures and retries are shown up to this number each, and counted beyond it. */
const MAX_ROWS = 15

/** What `ottla metrics` shows a person, line by line. */
export function metricsLines(report: MetricsReport, url: string): string[] {
  const version = report.version === null ? '' : `  ottla ${report.version}`
  return [
    `${printable(report.producer)}${version}  ${url}  ${report.time.slice(11, 19)}Z`,
    '',
    ...tableLines(overview(report), 2),
    '',
    ...tableLines(latencies(report), 1),
    ...section('not acknowledged', ['outcome', 'code', 'records', 'a second'], report.failures, 2, failure => [
      printable(failure.outcome),
      printable(failure.code),
      ...rate(failure.records),
    ]),
    ...section('sent again', ['cause', 'records', 'a second'], report.retries, 1, ({ cause, records }) => [
      printable(cause),
      ...rate(records),
    ]),
    ...section('', topicTitles, report.topics, 1, topicCells),
    ...section('', brokerTitles, report.brokers, 1, brokerCells),
  ]
}

function overview(report: MetricsReport): string[][] {
  const { records, bytes, batches, requests, memory, timeShares, transactions, eventLoopDelayMs: loop } = report
  const each = batches.averageBytes === null ? '' : `, ${quantity.bytes(batches.averageBytes)} each`
  const fill = batches.averageFill === null ? '' : `, ${percent(batches.averageFill)} full`
  const load = requests.averageRecords === null ? '' : `, ${number(requests.averageRecords)} records each`
  const transacted = transactions.committed.total + transactions.aborted.total + transactions.failed.total > 0
  return [
    [
      'records',
      `${perSecond(records.sent)} sent, ${perSecond(records.acknowledged)} acknowledged, ` +
        `${perSecond(records.failed)} failed, ${perSecond(records.retried)} sent again`,
    ],
    ['bytes', `${byteRate(bytes.sent)} sent${compressed(bytes.compressionRatio, ', compressed to ')}`],
    ['batches', `${perSecond(batches.sent)}${each}${fill}`],
    [
      'requests',
      `${perSecond(requests.sent)}${load}; ${quantity.count(requests.inFlight)} in flight, ` +
        `${quantity.counted(requests.connections, 'connection')}`,
    ],
    [
      'memory',
      `${quantity.bytes(memory.usedBytes)} of ${quantity.bytes(memory.limitBytes)}; ` +
        `${quantity.counted(memory.waitingRecords, 'record')} waiting, ${quantity.count(memory.waitingForMemory)} for memory`,
    ],
    [
      'waiting',
      `${percent(timeShares.memory)} of the time for memory, ${percent(timeShares.metadata)} for a topic, ` +
        `${percent(timeShares.throttled)} throttled`,
    ],
    ...(loop === null
      ? []
      : [
          [
            'event loop',
            `late by ${quantity.duration(loop.p50)} (p50), ${quantity.duration(loop.p99)} (p99), ` +
              `${quantity.duration(loop.max)} (max)`,
          ],
        ]),
    ...(transacted
      ? [
          [
            'transactions',
            `${perSecond(transactions.committed)} committed, ${perSecond(transactions.aborted)} aborted, ` +
              `${quantity.count(transactions.failed.total)} failed to end`,
          ],
        ]
      : []),
  ]
}

const percentiles = ['p50', 'p95', 'p99', 'mean'] as const

function latencies({ latencyMs: { queue, request, delivery } }: MetricsReport): string[][] {
  const cells = (latency: Latency) =>
    percentiles.map(name => (latency === null ? '-' : quantity.duration(latency[name])))
  return [
    ['time', ...percentiles],
    ['  in the queue', ...cells(queue)],
    ['  at the broker', ...cells(request)],
    ['  in all', ...cells(delivery)],
  ]
}

const topicTitles = ['topic', 'sent', 'acknowledged', 'failed', 'sent again', 'bytes', 'compressed to']

const topicCells = ({ topic, sent, acknowledged, failed, retried, bytes, compressionRatio }: TopicReport) => [
  printable(topic),
  ...[sent, acknowledged, failed, retried].map(perSecond),
  byteRate(bytes),
  compressed(compressionRatio) || '-',
]

const brokerTitles = ['broker', 'requests', 'p50', 'p99', 'bytes sent', 'received']

const brokerCells = ({ broker, requests, latencyMs, sentBytes, receivedBytes }: BrokerReport) => [
  printable(broker),
  perSecond(requests),
  ...(latencyMs === null ? ['-', '-'] : [quantity.duration(latencyMs.p50), quantity.duration(latencyMs.p99)]),
  byteRate(sentBytes),
  byteRate(receivedBytes),
]

/** A table with its title; nothing where it has no rows. */
function section<Row>(
  title: string,
  head: readonly string[],
  rows: readonly Row[],
  left: number,
  cells: (row: Row) => string[],
): string[] {
  if (rows.length === 0) return []
  const more = rows.length - MAX_ROWS
  return [
    '',
    ...(title === '' ? [] : [title]),
    ...tableLines([head, ...rows.slice(0, MAX_ROWS).map(cells)], left).map(line => (title === '' ? line : `  ${line}`)),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]
}

const perSecond = ({ perSecond: value }: Rate) => `${number(value)}/s`
const byteRate = ({ perSecond: value }: Rate) => `${quantity.bytes(value)}/s`
const rate = (records: Rate) => [quantity.count(records.total), perSecond(records)]
const percent = (share: number) => `${number(share * 100)} %`
const compressed = (ratio: number | null, words = '') => (ratio === null ? '' : `${words}${percent(ratio)}`)

/** Small numbers with a digit behind the point. */
const number = (value: number) => (value >= 10 || Number.isInteger(value) ? quantity.count(value) : value.toFixed(1))

/** A page can hold anything, and a terminal obeys some of it. */
const printable = (text: string) => text.replaceAll(/\p{Cc}/gu, '?')
