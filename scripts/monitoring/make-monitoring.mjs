// Writes monitoring/ (the Grafana dashboard and the Prometheus rules) and the table of alerts in docs/monitoring.md, from panels.mjs and
// rules.mjs. A query for what no producer exports is refused. Run after a build: npm run build && node scripts/monitoring/make-monitoring.mjs [--check]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { renderDashboard } from './dashboard.mjs'
import { queryProblems } from './queries.mjs'
import { alerts, groups } from './rules.mjs'
import { renderRules } from './rules-yaml.mjs'

const root = new URL('../../', import.meta.url)
const docs = 'docs/monitoring.md'
const marks = ['<!-- alerts: made by scripts/monitoring/make-monitoring.mjs -->', '<!-- end of alerts -->']

/** The files that are made, and what they hold. */
export const renderMonitoring = families => ({
  'monitoring/grafana-dashboard.json': `${JSON.stringify(renderDashboard(families), null, 2)}\n`,
  'monitoring/prometheus-rules.yml': renderRules(),
  [docs]: withAlerts(readFileSync(new URL(docs, root), 'utf8')),
})

/** The document with the table of alerts between its marks. */
function withAlerts(text) {
  const [start, end] = marks.map(mark => text.indexOf(mark))
  if (start < 0 || end < start)
    throw new Error(`${docs} has no place for the alerts, between "${marks.join('" and "')}"`)
  const rows = alerts.map(
    ({ alert, when, for: waits, severity }) => `| \`${alert}\` | ${when} | ${waits} | ${severity} |`,
  )
  const table = ['', '| alert | over 5 minutes, or now | for | |', '| --- | --- | --- | --- |', ...rows, '', '']
  return text.slice(0, start + marks[0].length) + table.join('\n') + text.slice(end)
}

/** What is wrong with the queries of panels and rules. */
export function monitoringProblems(families) {
  const recorded = groups.flatMap(({ rules }) => rules.flatMap(rule => ('record' in rule ? [rule.record] : [])))
  const queries = [
    ...renderDashboard(families).panels.flatMap(panel =>
      (panel.targets ?? []).map(({ expr }) => ({ where: panel.title, expr })),
    ),
    ...groups.flatMap(({ rules }) => rules.map(rule => ({ where: rule.alert ?? rule.record, expr: rule.expr }))),
  ]
  return queries.flatMap(({ where, expr }) =>
    queryProblems(expr, families, recorded).map(problem => `${where}: ${problem}`),
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { families } = await import('../../dist/prometheus/families.js')
  const problems = monitoringProblems(families)
  const check = process.argv.includes('--check')
  mkdirSync(new URL('monitoring/', root), { recursive: true })
  for (const [name, text] of problems.length > 0 ? [] : Object.entries(renderMonitoring(families))) {
    const file = new URL(name, root)
    if (!check) writeFileSync(file, text)
    else if (readFileSync(file, 'utf8') !== text)
      problems.push(`${name} is stale: run node scripts/monitoring/make-monitoring.mjs after a build`)
  }
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exit(1)
}
