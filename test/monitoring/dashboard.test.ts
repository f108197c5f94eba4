import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { monitoringProblems, renderMonitoring } from '../../scripts/monitoring/make-monitoring.mjs'
import { familiesIn, queryProblems } from '../../scripts/monitoring/queries.mjs'
import { families } from '../../src/prometheus/families.ts'
import { type DashboardPanel, readDashboard } from './dashboard-file.ts'

const dashboard = readDashboard()
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const targets = panels.flatMap(panel => panel.targets!.map(target => ({ panel: panel.title, ...target })))

test('what is shipped is what the panels and rules say', () => {
  for (const [name, text] of Object.entries(renderMonitoring(families)))
    expect(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'), name).toBe(text)
})

test('every query asks for series and labels that producers export', () => {
  expect(monitoringProblems(families)).toEqual([])
})

test.each([
  ['rate(kafka_producer_record_sent_total[5m])', ['no producer has the series kafka_producer_record_sent_total']],
  ['kafka_producer_info_bucket', ['no producer has the series kafka_producer_info_bucket']],
  ['kafka_producer_connections{topic="a"}', ['kafka_producer_connections has no label topic']],
  ['sum by (partition) (kafka_producer_connections)', ['no family has the label partition']],
  ['client_id:kafka_producer_connections:sum', ['no producer has the series client_id:kafka_producer_connections:sum']],
])('%s would be found', (expression, problems) => {
  expect(queryProblems(expression, families)).toEqual(problems)
})

test('everything that producers export is shown somewhere', () => {
  const shown = new Set(targets.flatMap(({ expr }) => familiesIn(expr, families)))

  expect(families.map(({ name }) => name).filter(name => !shown.has(name))).toEqual([])
})

test('panels have ids of their own, titles and descriptions', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { title, description } of panels) {
    expect(title).not.toBe('')
    expect(description!.length, title).toBeGreaterThan(30)
  }
})

test('panels lie in the grid and on no other', () => {
  const taken = new Map<string, string>()
  for (const { title, gridPos } of dashboard.panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.get(`${x},${y}`), `${title} at ${x},${y}`).toBeUndefined()
        taken.set(`${x},${y}`, title)
      }
  }
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h))
  expect(taken.size).toBe(24 * bottom)
})

test('the first screen of 1920 x 1080 points tells whether the producer is well', () => {
  // A unit of the grid is 30 points high, with 8 between; Grafana's own bars take 140.
  const unitsOfScreen = Math.floor((1080 - 140) / 38)
  const seen = dashboard.panels.filter(({ gridPos }) => gridPos.y < unitsOfScreen).map(({ title }) => title)

  expect(seen).toEqual(
    expect.arrayContaining([
      'Acknowledged',
      'Not written',
      'Outcome unknown',
      'Records',
      'Delivery latency',
      'Requests',
    ]),
  )
})

test('every value has a unit, in panels and in columns', () => {
  for (const { title, fieldConfig } of panels) expect(fieldConfig!.defaults.unit, title).toMatch(/./)
})

test('every query goes to the data source that is chosen, and to the producers that are chosen', () => {
  for (const { panel, datasource, expr } of targets) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's way to name a variable
    expect(datasource, panel).toEqual({ type: 'prometheus', uid: '${datasource}' })
    for (const [selector] of expr.matchAll(/kafka_producer_\w+\{[^}]*\}/g))
      expect(selector, panel).toContain('client_id=~"$client_id", instance=~"$instance"')
    expect(expr.match(/kafka_producer_\w+(?!\w*\{)/g), `${panel} has series that are not chosen`).toBeNull()
  }
})

test('whatever looks back does so for as long as Grafana finds right', () => {
  for (const { panel, expr } of targets)
    for (const [, window] of expr.matchAll(/\[([^\]]+)\]/g))
      expect(['$__rate_interval', '$__range'], panel).toContain(window)
  expect(targets.filter(({ expr }) => expr.includes('$__rate_interval')).length).toBeGreaterThan(targets.length / 2)
})

test('the letters of a panel are its own, and overrides mean one of them', () => {
  for (const panel of panels) {
    const letters = panel.targets!.map(({ refId }) => refId)
    expect(new Set(letters).size, panel.title).toBe(letters.length)
    for (const { matcher } of panel.fieldConfig!.overrides)
      expect(matcher.id === 'byFrameRefID' ? letters : columnsOf(panel), panel.title).toContain(matcher.options)
  }
})

const columnsOf = (panel: DashboardPanel) =>
  panel.transformations!.flatMap(({ options }) => Object.values(options.renameByName ?? {}))

test('variables choose data source, producer, instance, topic and broker, all of them unless told', () => {
  const [datasource, ...others] = dashboard.templating.list

  expect(datasource).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
  expect(others.map(({ name }) => name)).toEqual(['client_id', 'instance', 'topic', 'broker'])
  for (const { name, multi, includeAll, allValue, definition } of others) {
    expect([multi, includeAll, allValue], name).toEqual([true, true, '.*'])
    expect(queryProblems(definition!.replace(/^label_values\((.*), \w+\)$/, '$1'), families), name).toEqual([])
  }
  const named = new Set(dashboard.templating.list.map(({ name }) => name))
  for (const [, name] of JSON.stringify(dashboard).matchAll(/\$\{?([a-z]\w*)\}?/g)) expect(named).toContain(name)
})
