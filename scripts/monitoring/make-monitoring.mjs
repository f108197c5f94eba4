// Writes monitoring/: the Grafana dashboard and the Prometheus rules, from panels.mjs and rules.mjs. A query for what no producer
// exports is refused. Run after a build: npm run build && node scripts/monitoring/make-monitoring.mjs [--check]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { renderDashboard } from './dashboard.mjs'
import { queryProblems } from './queries.mjs'
import { groups } from './rules.mjs'
import { renderRules } from './rules-yaml.mjs'

const folder = new URL('../../monitoring/', import.meta.url)

/** What monitoring/ holds, by file name. */
export const renderMonitoring = families => ({
  'grafana-dashboard.json': `${JSON.stringify(renderDashboard(families), null, 2)}\n`,
  'prometheus-rules.yml': renderRules(),
})

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
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of problems.length > 0 ? [] : Object.entries(renderMonitoring(families))) {
    const file = new URL(name, folder)
    if (!check) writeFileSync(file, text)
    else if (readFileSync(file, 'utf8') !== text)
      problems.push(`monitoring/${name} is stale: run node scripts/monitoring/make-monitoring.mjs after a build`)
  }
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exit(1)
}
