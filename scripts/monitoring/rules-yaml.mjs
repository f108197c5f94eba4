// @ts-check
import { groups, thresholds } from './rules.mjs'

/** @typedef {import('./rules.mjs').Recording} Recording @typedef {import('./rules.mjs').Alert} Alert */

/** The rules as Prometheus reads them. */
export function renderRules() {
  return [
    '# Rules for producers that ottla/prometheus exports: recorded series, then alerts.',
    '# Made by scripts/monitoring/make-monitoring.mjs; change a copy of your own.',
    `# Thresholds to look at first: ${Object.keys(thresholds).length} numbers behind the > of the alerts, and each "for".`,
    'groups:',
    ...groups.flatMap(({ name, rules }) => [
      `  - name: ${name}`,
      '    rules:',
      ...rules.flatMap(rule => ('alert' in rule ? alertLines(rule) : recordLines(rule))),
    ]),
    '',
  ].join('\n')
}

/** @param {string} expr */
const expressionLines = expr =>
  expr.includes('\n')
    ? ['        expr: |-', ...expr.split('\n').map(line => `          ${line}`)]
    : [`        expr: ${expr}`]

/** What is a JSON text is one of YAML, too. @param {string} indent @param {Readonly<Record<string, string>>} fields */
const textLines = (indent, fields) =>
  Object.entries(fields).map(([name, value]) => `${indent}${name}: ${JSON.stringify(value)}`)

/** @param {Recording} rule */
const recordLines = ({ record, expr, labels }) => [
  `      - record: ${record}`,
  ...expressionLines(expr),
  ...(labels === undefined ? [] : ['        labels:', ...textLines('          ', labels)]),
]

/** @param {Alert} rule */
const alertLines = ({ alert, expr, severity, summary, description, ...rule }) => [
  `      - alert: ${alert}`,
  ...expressionLines(expr),
  `        for: ${rule.for}`,
  '        labels:',
  `          severity: ${severity}`,
  '        annotations:',
  ...textLines('          ', { summary, description }),
]
