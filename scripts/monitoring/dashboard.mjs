// @ts-check
// Makes Grafana's JSON of the panels. Source of the model: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model
import { sections } from './panels.mjs'

/** @typedef {import('./panels.mjs').Panel} Panel @typedef {import('./panels.mjs').Target} Target */

/** Of Grafana 10.0; later ones bring it up to their own when they import it. */
const schemaVersion = 38
const gridWidth = 24
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's way to name a variable
const datasource = { type: 'prometheus', uid: '${datasource}' }

/** @param {readonly import('./queries.mjs').Family[]} families */
export function renderDashboard(families) {
  return {
    title: 'Kafka producers (ottla)',
    uid: 'ottla-producers',
    description: 'Is the producer well? From the metrics of ottla/prometheus. It needs no recording rules.',
    tags: ['kafka', 'ottla', 'producer'],
    schemaVersion,
    version: 1,
    editable: true,
    graphTooltip: 1, // one cross-hair for all panels
    time: { from: 'now-30m', to: 'now' },
    refresh: '10s',
    timezone: 'browser',
    annotations: { list: [alertAnnotation] },
    templating: { list: variables },
    links: [],
    panels: laidOut(sections(families)),
  }
}

const alertAnnotation = {
  name: 'Alerts',
  datasource,
  enable: true,
  hide: false,
  iconColor: 'red',
  expr: 'ALERTS{alertname=~"KafkaProducer.*", alertstate="firing", client_id=~"$client_id", instance=~"$instance"}',
  titleFormat: '{{alertname}}',
  textFormat: '{{client_id}}',
  tagKeys: 'severity',
  step: '10s',
}

/** @param {string} name @param {string} label @param {string} series @param {number} sort Grafana's number: 1 by the alphabet, 3 by number */
const variable = (name, label, series, sort) => {
  const query = `label_values(${series}, ${name})`
  return {
    name,
    label,
    type: 'query',
    datasource,
    definition: query,
    query: { query, refId: name },
    refresh: 2, // when the time range changes
    includeAll: true,
    multi: true,
    allValue: '.*',
    sort,
    current: { selected: true, text: ['All'], value: ['$__all'] },
    options: [],
    regex: '',
    hide: 0,
    skipUrlSync: false,
  }
}

const producers = 'client_id=~"$client_id", instance=~"$instance"'
const variables = [
  {
    name: 'datasource',
    label: 'Data source',
    type: 'datasource',
    query: 'prometheus',
    current: {},
    options: [],
    refresh: 1,
    regex: '',
    includeAll: false,
    multi: false,
    hide: 0,
    skipUrlSync: false,
  },
  variable('client_id', 'Producer', 'kafka_producer_info', 1),
  variable('instance', 'Instance', 'kafka_producer_info{client_id=~"$client_id"}', 1),
  variable('topic', 'Topic', `kafka_producer_records_sent_total{${producers}}`, 1),
  variable('broker', 'Broker', `kafka_producer_requests_total{${producers}}`, 3),
]

/** Panels side by side, and a row above each section that has a title. @param {import('./panels.mjs').Section[]} all */
function laidOut(all) {
  const panels = []
  let id = 1
  let y = 0
  for (const { title, height, panels: given } of all) {
    if (title !== undefined) {
      panels.push({
        id: id++,
        type: 'row',
        title,
        collapsed: false,
        panels: [],
        gridPos: { x: 0, y, w: gridWidth, h: 1 },
      })
      y++
    }
    let x = 0
    for (const panel of given) {
      if (x + panel.width > gridWidth) {
        x = 0
        y += height
      }
      panels.push({ id: id++, ...rendered(panel), gridPos: { x, y, w: panel.width, h: height } })
      x += panel.width
    }
    y += height
  }
  return panels
}

/** @param {Panel} panel */
function rendered(panel) {
  const { type, title, description, targets } = panel
  return {
    type,
    title,
    description,
    datasource,
    targets: targets.map(({ expr, legend }, index) => ({
      refId: refId(index),
      datasource,
      editorMode: 'code',
      expr,
      ...(type === 'table'
        ? { format: 'table', instant: true, range: false }
        : { legendFormat: legend, instant: false, range: true }),
    })),
    ...(type === 'stat' ? statParts(panel) : type === 'table' ? tableParts(panel) : seriesParts(panel)),
  }
}

/** @param {number} index */
const refId = index => String.fromCharCode(65 + index)

/** @param {Panel['thresholds']} steps @param {string} [base] */
const thresholdsOf = (steps = [], base = 'green') => ({
  mode: 'absolute',
  steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
})

/** @param {Panel} panel */
const defaultsOf = ({ unit, max, decimals }) => ({
  unit,
  min: 0,
  ...(max !== undefined && { max }),
  ...(decimals !== undefined && { decimals }),
})

/** @param {Panel} panel */
const statParts = panel => ({
  fieldConfig: {
    defaults: {
      ...defaultsOf(panel),
      color: { mode: 'thresholds' },
      thresholds: thresholdsOf(panel.thresholds, panel.targets[0]?.color),
    },
    overrides: [],
  },
  options: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'value',
    graphMode: 'area',
    textMode: 'value',
    justifyMode: 'auto',
    orientation: 'auto',
  },
})

/** @param {Panel} panel */
function seriesParts({ style = 'lines', legend = 'bottom', ...panel }) {
  return {
    fieldConfig: {
      defaults: {
        ...defaultsOf(panel),
        color: { mode: 'palette-classic' },
        thresholds: thresholdsOf(),
        custom: {
          drawStyle: style === 'bars' ? 'bars' : 'line',
          lineInterpolation: 'linear',
          lineWidth: style === 'bars' ? 0 : 1,
          fillOpacity: { lines: 8, stacked: 40, bars: 80 }[style],
          gradientMode: 'none',
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: style === 'lines' ? 'none' : 'normal', group: 'A' },
          axisPlacement: 'auto',
        },
      },
      overrides: panel.targets.flatMap((target, index) => seriesOverride(target, index)),
    },
    options: {
      legend: { displayMode: 'list', placement: legend, showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }
}

/** @param {Target} target @param {number} index */
function seriesOverride({ color, shades = false, unit, max, line = false }, index) {
  const onTheRight = unit !== undefined
  const properties = [
    ...(color === undefined ? [] : [{ id: 'color', value: { mode: shades ? 'shades' : 'fixed', fixedColor: color } }]),
    ...(onTheRight
      ? [
          { id: 'unit', value: unit },
          { id: 'custom.axisPlacement', value: 'right' },
          { id: 'custom.fillOpacity', value: 0 },
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
        ]
      : []),
    // The panel's own limit belongs to the axis on the left.
    ...(onTheRight ? [{ id: 'max', value: max ?? null }] : []),
    ...(line
      ? [
          { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
          { id: 'custom.fillOpacity', value: 0 },
          { id: 'custom.lineWidth', value: 2 },
        ]
      : []),
  ]
  return properties.length === 0 ? [] : [{ matcher: { id: 'byFrameRefID', options: refId(index) }, properties }]
}

/** @param {Panel} panel */
function tableParts({ key = '', targets, ...panel }) {
  const value = (/** @type {number} */ index) => `Value #${refId(index)}`
  return {
    fieldConfig: {
      defaults: {
        ...defaultsOf({ ...panel, targets }),
        color: { mode: 'thresholds' },
        thresholds: thresholdsOf([], 'text'),
        custom: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
      },
      overrides: targets
        .filter(target => target.unit !== undefined)
        .map(target => ({
          matcher: { id: 'byName', options: target.legend },
          properties: [{ id: 'unit', value: target.unit }],
        })),
    },
    options: {
      showHeader: true,
      cellHeight: 'sm',
      footer: { show: false, reducer: ['sum'], countRows: false, fields: '' },
    },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries([[key, 0], ...targets.map((_, index) => [value(index), index + 1])]),
          renameByName: Object.fromEntries(targets.map(({ legend }, index) => [value(index), legend])),
        },
      },
    ],
  }
}
