// @ts-check
// What the dashboard shows, and why: its panels in the order of reading. How they become Grafana's JSON is in dashboard.mjs.
import { dashboardQueries } from './queries.mjs'

/**
 * A line of a picture, or a column of a table.
 * @typedef {object} Target
 * @property {string} expr
 * @property {string} legend the name of the line; in a table, of the column
 * @property {string} [color] one of Grafana's names
 * @property {string} [unit] where it differs from the panel's; a line then has the axis on the right
 * @property {number} [max] of the axis on the right
 * @property {boolean} [shades] of the colour, where the query has several lines
 * @property {boolean} [line] in a panel of bars or stacked areas: drawn as a line of its own
 *
 * @typedef {object} Panel
 * @property {'stat' | 'timeseries' | 'table'} type
 * @property {string} title
 * @property {string} description
 * @property {string} unit one of Grafana's; `si:` and a name takes k, M, G by itself
 * @property {number} width of 24
 * @property {Target[]} targets
 * @property {'lines' | 'stacked' | 'bars'} [style]
 * @property {number} [max]
 * @property {number} [decimals]
 * @property {readonly (readonly [from: number, color: string])[]} [thresholds] green below the first
 * @property {string} [key] of a table: the label that its rows are told apart by
 * @property {'bottom' | 'right'} [legend]
 *
 * @typedef {object} Section
 * @property {string} [title] none: the section on top
 * @property {number} height of each panel, in units of Grafana's grid
 * @property {Panel[]} panels
 */

const [green, yellow, orange, red, blue, purple, gray] = ['green', 'yellow', 'orange', 'red', 'blue', 'purple', 'text']
const records = 'si:rec/s'
const byOutcome = 'outcome, code'

/**
 * @param {readonly import('./queries.mjs').Family[]} families
 * @returns {Section[]}
 */
export function sections(families) {
  const { rate, count, now, quantile, mean, select } = dashboardQueries(families)

  /** @param {string} name @param {string} [by] */
  const percentiles = (name, by) => [
    { expr: quantile(0.5, name, { ...(by && { by }) }), legend: 'p50', color: green },
    { expr: quantile(0.95, name, { ...(by && { by }) }), legend: 'p95', color: yellow },
    { expr: quantile(0.99, name, { ...(by && { by }) }), legend: 'p99', color: red },
  ]
  /** @param {string} by */
  const fullest = by => `max by (${by}) (1 - ${select('buffer_available_bytes')} / ${select('buffer_limit_bytes')})`
  const inRange = { window: '$__range' }
  /**
   * How many records failed with this outcome, one of the numbers on top.
   * @param {string} title @param {string} outcome @param {string} description
   * @returns {Panel}
   */
  const failed = (title, outcome, description) => ({
    type: 'stat',
    title,
    description,
    unit: 'locale',
    decimals: 0,
    width: 3,
    thresholds: [[0.5, red]],
    targets: [
      {
        expr: `${count('record_outcomes_total', { where: `outcome="${outcome}"`, own: byOutcome, ...inRange })} or vector(0)`,
        legend: outcome.replace('-', ' '),
      },
    ],
  })

  return [
    {
      height: 4,
      panels: [
        {
          type: 'stat',
          title: 'Acknowledged',
          description: 'Records that brokers have acknowledged, a second.',
          unit: records,
          width: 3,
          targets: [{ expr: rate('records_acknowledged_total'), legend: 'acknowledged', color: green }],
        },
        {
          type: 'stat',
          title: 'Sent',
          description: 'Bytes of batches as they went over the wire, a second, attempts that failed included.',
          unit: 'binBps',
          width: 3,
          targets: [{ expr: rate('sent_bytes_total'), legend: 'sent', color: blue }],
        },
        {
          type: 'stat',
          title: 'Delivery, p99',
          description: 'Of 100 records, 99 are acknowledged within this time after `send()`.',
          unit: 's',
          width: 3,
          thresholds: [
            [1, yellow],
            [5, red],
          ],
          targets: [{ expr: quantile(0.99, 'delivery_duration_seconds'), legend: 'p99' }],
        },
        failed(
          'Not written',
          'not-written',
          'Records that failed in the time shown, and are not in the log. Safe to send again, once the cause is gone: see "Failed records".',
        ),
        failed(
          'Outcome unknown',
          'unknown',
          'Records that failed in the time shown, and may be in the log or not: the answer was lost. Sending them again may write them twice.',
        ),
        {
          type: 'stat',
          title: 'Retried',
          description:
            'Records put back to be sent again, as a part of those sent. A few are normal while leaders move.',
          unit: 'percentunit',
          width: 3,
          thresholds: [
            [0.01, yellow],
            [0.05, red],
          ],
          targets: [
            {
              expr: `${rate('records_retried_total')} / (${rate('records_sent_total')} > 0) or vector(0)`,
              legend: 'retried',
            },
          ],
        },
        {
          type: 'stat',
          title: 'Buffer used',
          description:
            'Of the producer whose buffer is fullest. When it is full, sends wait, and then fail with BUFFER_EXHAUSTED.',
          unit: 'percentunit',
          width: 3,
          max: 1,
          thresholds: [
            [0.6, yellow],
            [0.9, red],
          ],
          targets: [
            { expr: `max(1 - ${select('buffer_available_bytes')} / ${select('buffer_limit_bytes')})`, legend: 'used' },
          ],
        },
        {
          type: 'stat',
          title: 'Event loop delay, p99',
          description:
            'How late timers run in the thread of the producer. A busy thread reads its answers late, and sends late.',
          unit: 's',
          width: 3,
          thresholds: [
            [0.05, yellow],
            [0.25, red],
          ],
          targets: [
            {
              expr: `max(${select('event_loop_delay_seconds', { where: 'quantile="0.99"' })})`,
              legend: 'p99',
            },
          ],
        },
      ],
    },
    {
      height: 7,
      panels: [
        {
          type: 'timeseries',
          title: 'Records',
          description:
            'Sent counts each attempt. What is sent and not acknowledged was retried, failed, or is still under way.',
          unit: records,
          width: 8,
          targets: [
            { expr: rate('records_sent_total'), legend: 'sent', color: blue },
            { expr: rate('records_acknowledged_total'), legend: 'acknowledged', color: green },
            { expr: rate('records_failed_total'), legend: 'failed', color: red },
          ],
        },
        {
          type: 'timeseries',
          title: 'Delivery latency',
          description: 'From `send()` to the acknowledgement, retries included; of the records that were acknowledged.',
          unit: 's',
          width: 8,
          targets: percentiles('delivery_duration_seconds'),
        },
        {
          type: 'timeseries',
          title: 'Where the time goes',
          description:
            'Means. Queue: a batch waits in the producer (for company, for its turn, after an error). Request: the broker has it. Delivery beyond both is retries, and waiting for memory or metadata.',
          unit: 's',
          width: 8,
          style: 'stacked',
          targets: [
            { expr: mean('queue_duration_seconds'), legend: 'queue', color: purple },
            { expr: mean('request_duration_seconds'), legend: 'request', color: blue },
            { expr: mean('delivery_duration_seconds'), legend: 'delivery', color: red, line: true },
          ],
        },
        {
          type: 'timeseries',
          title: 'Failed records, by outcome and code',
          description:
            "How many failed within each interval. not-written: certainly not in the log. unknown: may be there. The code is Kafka's name of the error, or one of ours.",
          unit: 'short',
          width: 8,
          style: 'bars',
          targets: [
            {
              expr: count('record_outcomes_total', { by: byOutcome, where: 'outcome="not-written"', own: byOutcome }),
              legend: '{{outcome}}: {{code}}',
              color: red,
              shades: true,
            },
            {
              expr: count('record_outcomes_total', { by: byOutcome, where: 'outcome="unknown"', own: byOutcome }),
              legend: '{{outcome}}: {{code}}',
              color: purple,
              shades: true,
            },
          ],
        },
        {
          type: 'timeseries',
          title: 'Retried records, by cause',
          description: 'How many were put back to be sent again within each interval, by the code of what went wrong.',
          unit: 'short',
          width: 8,
          style: 'bars',
          targets: [
            {
              expr: count('record_retries_total', { by: 'cause', own: 'cause' }),
              legend: '{{cause}}',
              color: orange,
              shades: true,
            },
          ],
        },
        {
          type: 'timeseries',
          title: 'Buffer and waiting records',
          description:
            'Memory used, of the bufferMemory of each producer. Records wait for memory when it is full, or for metadata of their topic.',
          unit: 'percentunit',
          max: 1,
          width: 8,
          targets: [
            { expr: fullest('client_id'), legend: 'used: {{client_id}}' },
            { expr: now('waiting_records'), legend: 'waiting', color: yellow, unit: 'short' },
            { expr: now('memory_waiting_records'), legend: 'waiting for memory', color: red, unit: 'short' },
          ],
        },
        {
          type: 'timeseries',
          title: 'Data and compression',
          description:
            'Bytes of batches before compression and on the wire; their ratio on the right: lower is better.',
          unit: 'binBps',
          width: 8,
          targets: [
            { expr: rate('uncompressed_bytes_total'), legend: 'before compression', color: gray },
            { expr: rate('sent_bytes_total'), legend: 'on the wire', color: blue },
            {
              expr: `${rate('sent_bytes_total')} / ${rate('uncompressed_bytes_total')}`,
              legend: 'ratio',
              color: orange,
              unit: 'percentunit',
              max: 1,
            },
          ],
        },
        {
          type: 'timeseries',
          title: 'Batches',
          description:
            'Size of batches on the wire, and how full they were (before compression, of batchSize). Small batches at a high rate: give lingerMs more.',
          unit: 'bytes',
          width: 8,
          targets: [
            { expr: mean('batch_size_bytes'), legend: 'mean size', color: blue },
            { expr: quantile(0.95, 'batch_size_bytes'), legend: 'p95 size', color: purple },
            { expr: mean('batch_fill_ratio'), legend: 'mean fill', color: orange, unit: 'percentunit', max: 1 },
          ],
        },
        {
          type: 'timeseries',
          title: 'Requests',
          description:
            'Produce requests a second, and on the right those without an answer yet. Each broker takes maxInFlightRequestsPerConnection at most.',
          unit: 'reqps',
          width: 8,
          targets: [
            { expr: rate('produce_requests_total'), legend: 'Produce requests', color: blue },
            { expr: now('requests_in_flight'), legend: 'in flight', color: yellow, unit: 'short' },
          ],
        },
      ],
    },
    {
      title: 'Brokers',
      height: 7,
      panels: [
        {
          type: 'table',
          title: 'Brokers',
          description: 'Each broker that the producers talk to, as they see it.',
          unit: 'short',
          width: 12,
          key: 'broker',
          targets: [
            { expr: rate('requests_total', { by: 'broker' }), legend: 'Requests', unit: 'reqps' },
            { expr: rate('responses_total', { by: 'broker' }), legend: 'Responses', unit: 'reqps' },
            { expr: quantile(0.99, 'request_duration_seconds', { by: 'broker' }), legend: 'Latency p99', unit: 's' },
            { expr: rate('outgoing_bytes_total', { by: 'broker' }), legend: 'Out', unit: 'binBps' },
            { expr: rate('incoming_bytes_total', { by: 'broker' }), legend: 'In', unit: 'binBps' },
          ],
        },
        {
          type: 'timeseries',
          title: 'Request latency by broker, p99',
          description:
            'From a Produce request to its answer. One line above the others: that broker is slow, or far away.',
          unit: 's',
          width: 12,
          targets: [
            { expr: quantile(0.99, 'request_duration_seconds', { by: 'broker' }), legend: 'broker {{broker}}' },
          ],
        },
      ],
    },
    {
      title: 'Topics',
      height: 7,
      panels: [
        {
          type: 'table',
          title: 'Topics',
          description: 'Sent counts each attempt; failed and retried are records as well.',
          unit: records,
          width: 12,
          key: 'topic',
          targets: [
            { expr: rate('records_acknowledged_total', { by: 'topic' }), legend: 'Acknowledged' },
            { expr: rate('records_sent_total', { by: 'topic' }), legend: 'Sent' },
            { expr: rate('records_failed_total', { by: 'topic' }), legend: 'Failed' },
            { expr: rate('records_retried_total', { by: 'topic' }), legend: 'Retried' },
            { expr: rate('sent_bytes_total', { by: 'topic' }), legend: 'Bytes', unit: 'binBps' },
            {
              expr: `${rate('sent_bytes_total', { by: 'topic' })} / ${rate('uncompressed_bytes_total', { by: 'topic' })}`,
              legend: 'Compression',
              unit: 'percentunit',
            },
          ],
        },
        {
          type: 'timeseries',
          title: 'Acknowledged records by topic',
          description: 'Records that brokers have acknowledged, a second.',
          unit: records,
          width: 12,
          style: 'stacked',
          targets: [{ expr: rate('records_acknowledged_total', { by: 'topic' }), legend: '{{topic}}' }],
        },
      ],
    },
    {
      title: 'Producers',
      height: 7,
      panels: [
        {
          type: 'table',
          title: 'Producers',
          description: 'Each producer by its clientId: which of them is it?',
          unit: records,
          width: 12,
          key: 'client_id',
          targets: [
            {
              expr: rate('record_outcomes_total', { by: 'client_id', where: 'outcome="acknowledged"' }),
              legend: 'Acknowledged',
            },
            { expr: rate('records_failed_total', { by: 'client_id' }), legend: 'Failed' },
            {
              expr: quantile(0.99, 'delivery_duration_seconds', { by: 'client_id' }),
              legend: 'Delivery p99',
              unit: 's',
            },
            { expr: fullest('client_id'), legend: 'Buffer', unit: 'percentunit' },
            { expr: `count by (client_id) (${select('info')})`, legend: 'Processes', unit: 'short' },
            { expr: `min by (client_id) (time() - ${select('start_time_seconds')})`, legend: 'Up for', unit: 's' },
          ],
        },
        {
          type: 'timeseries',
          title: 'Lost from sight',
          description:
            'Records that failed while nobody looked at their result (the event undelivered), sends that found no memory, and errors that belong to no record (the event error): how many within each interval.',
          unit: 'short',
          width: 6,
          style: 'bars',
          targets: [
            {
              expr: `sum(increase(${select('records_undelivered_total')}[$__rate_interval]))`,
              legend: 'undelivered records',
              color: red,
            },
            {
              expr: `sum(increase(${select('buffer_exhausted_total')}[$__rate_interval]))`,
              legend: 'no memory',
              color: orange,
            },
            {
              expr: `sum(increase(${select('errors_total')}[$__rate_interval]))`,
              legend: 'error events',
              color: yellow,
            },
          ],
        },
        {
          type: 'timeseries',
          title: 'Event loop delay',
          description: 'How late timers run in the thread of the producer. The lines are those of the worst process.',
          unit: 's',
          width: 6,
          targets: [
            { expr: `max by (quantile) (${select('event_loop_delay_seconds')})`, legend: 'quantile {{quantile}}' },
          ],
        },
        {
          type: 'timeseries',
          title: 'Throttling and waiting',
          description:
            'As a part of the time, of all producers together: throttling that brokers asked for because of quotas, and waiting for memory, for metadata, in flush(), or with the thread blocked in get().',
          unit: 'percentunit',
          width: 6,
          targets: [
            { expr: rate('throttle_seconds_total'), legend: 'throttled', color: red },
            { expr: rate('memory_wait_seconds_total'), legend: 'memory', color: orange },
            { expr: rate('metadata_wait_seconds_total'), legend: 'metadata', color: yellow },
            { expr: rate('flush_seconds_total'), legend: 'flush()', color: blue },
            { expr: rate('thread_blocked_seconds_total'), legend: 'get()', color: purple },
          ],
        },
        {
          type: 'timeseries',
          title: 'Connections',
          description: 'Those that stand, and on the right how many are made and end, a second.',
          unit: 'short',
          width: 6,
          targets: [
            { expr: now('connections'), legend: 'connections', color: green },
            { expr: rate('connections_created_total'), legend: 'made', color: blue, unit: 'cps' },
            { expr: rate('connections_closed_total'), legend: 'ended', color: red, unit: 'cps' },
          ],
        },
        {
          type: 'timeseries',
          title: 'Transactions',
          description:
            'Calls that end a transaction, a second, by result. A commit that fails is counted as failed, and as aborted once it is aborted.',
          unit: 'ops',
          width: 6,
          targets: [
            { expr: rate('transactions_total', { where: 'result="committed"' }), legend: 'committed', color: green },
            { expr: rate('transactions_total', { where: 'result="aborted"' }), legend: 'aborted', color: orange },
            { expr: rate('transactions_total', { where: 'result="failed"' }), legend: 'failed', color: red },
          ],
        },
        {
          type: 'timeseries',
          title: 'Time in transactions',
          description:
            'Time in the calls of transactions as a part of all time, of all producers together, by operation.',
          unit: 'percentunit',
          width: 6,
          style: 'stacked',
          targets: [{ expr: rate('transaction_seconds_total', { by: 'operation' }), legend: '{{operation}}' }],
        },
        {
          type: 'timeseries',
          title: 'Alerts firing',
          description:
            'By name, where Prometheus has the rules of monitoring/prometheus-rules.yml; nothing without them. Their beginnings are marked in all panels.',
          unit: 'short',
          width: 12,
          style: 'bars',
          targets: [
            {
              expr: 'sum by (alertname) (ALERTS{alertname=~"KafkaProducer.*", alertstate="firing", client_id=~"$client_id", instance=~"$instance"})',
              legend: '{{alertname}}',
              color: red,
              shades: true,
            },
          ],
        },
        {
          type: 'timeseries',
          title: 'Age of metadata',
          description:
            'Of what is known of the cluster, in the producer that has heard least. It is asked anew every metadataMaxAgeMs.',
          unit: 's',
          width: 6,
          targets: [{ expr: `max by (client_id) (${select('metadata_age_seconds')})`, legend: '{{client_id}}' }],
        },
        {
          type: 'timeseries',
          title: 'Batches and requests',
          description:
            'Batches a second, and on the right how many records go in one Produce request. Split: a broker found the batch too large (message.max.bytes).',
          unit: 'cps',
          width: 6,
          targets: [
            { expr: rate('batches_sent_total'), legend: 'batches', color: blue },
            { expr: rate('batch_splits_total'), legend: 'split', color: red },
            { expr: mean('request_records'), legend: 'records in each request', color: purple, unit: 'short' },
          ],
        },
      ],
    },
  ]
}
