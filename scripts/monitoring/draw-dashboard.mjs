// @ts-check
// Draws the dashboard without Grafana: asks a Prometheus every panel's query, and lays the panels out as Grafana's grid does.
// node scripts/monitoring/draw-dashboard.mjs --out dashboard.html [--png dashboard.png] [--prometheus http://127.0.0.1:9090]
//   [--minutes 5] [--scrape 5] [--rows 30]    --scrape: the interval of scraping in seconds; --rows: only panels that begin above
//   this line of the grid; --png needs chromium
// The picture in the docs: examples/monitoring/producer.js --faults and a Prometheus with examples/monitoring/prometheus.yml for six minutes,
// then --minutes 6 --png docs/images/dashboard.png, and pngquant to make it small.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { drawPanel, escaped, styles } from './panel-svg.mjs'

const { values: given } = parseArgs({
  options: {
    out: { type: 'string', default: 'dashboard.html' },
    png: { type: 'string' },
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    minutes: { type: 'string', default: '5' },
    scrape: { type: 'string', default: '5' },
    rows: { type: 'string', default: '1000' },
  },
})

/** @typedef {import('./panel-svg.mjs').Series} Series */

// Of Grafana on a screen of 1920 points.
const pageWidth = 1920
const margin = 16
const column = (pageWidth - 2 * margin) / 24
const row = 38
const gap = 8
const heading = 62

const dashboard = JSON.parse(readFileSync(new URL('../../monitoring/grafana-dashboard.json', import.meta.url), 'utf8'))
const panels = dashboard.panels.filter((/** @type {any} */ { gridPos }) => gridPos.y < Number(given.rows))
const to = Math.floor(Date.now() / 1000)
const from = to - Number(given.minutes) * 60
const scrapeSeconds = Number(given.scrape)
// As Grafana chooses them for a panel of this width: a point or two for a pixel, and four scrapes at least to look back.
const step = Math.max(scrapeSeconds, Math.round((to - from) / 300))
const rateInterval = `${Math.max(step + scrapeSeconds, 4 * scrapeSeconds)}s`

const alerts = (await ask('query_range', { query: substituted(dashboard.annotations.list[0].expr), ...range() })).map(
  (/** @type {Series} */ { metric, values }) => ({ metric, at: values[0]?.[0] ?? to }),
)
const drawn = []
for (const panel of panels) {
  const { x, y, w, h } = panel.gridPos
  const width = w * column - gap
  const height = h * row - gap
  const place = `left:${margin + x * column + gap / 2}px;top:${heading + y * row}px;width:${width}px;height:${height}px`
  if (panel.type === 'row') {
    drawn.push(`<div class="row" style="${place}">⌄ ${escaped(panel.title)}</div>`)
    continue
  }
  const answers = await Promise.all(panel.targets.map(answer))
  const frame = { width, height, from, to, alerts: alerts.map((/** @type {{ at: number }} */ { at }) => at) }
  drawn.push(`<div style="${place}">${drawPanel(panel, answers, frame)}</div>`)
}
const bottom = Math.max(...panels.map((/** @type {any} */ { gridPos }) => gridPos.y + gridPos.h))
const pageHeight = heading + bottom * row + 34
writeFileSync(given.out, page(drawn.join('\n')))
if (given.png !== undefined) photograph(given.png)
console.log(`${panels.length} panels, ${alerts.length} alerts: ${given.out} ${given.png ?? ''}`)

/** @param {any} target @returns {Promise<Series[]>} */
async function answer({ expr, instant }) {
  const query = substituted(expr)
  if (!instant) return await ask('query_range', { query, ...range() })
  const found = await ask('query', { query, time: String(to) })
  return found.map((/** @type {any} */ { metric, value }) => ({ metric, values: [value] }))
}

function range() {
  return { start: String(from), end: String(to), step: String(step) }
}

/** @param {string} query */
function substituted(query) {
  return query
    .replaceAll('$__rate_interval', rateInterval)
    .replaceAll('$__range', `${to - from}s`)
    .replaceAll(/\$(client_id|instance|topic|broker)\b/g, '.*')
}

/** @param {string} path @param {Record<string, string>} parameters @returns {Promise<any>} */
async function ask(path, parameters) {
  const response = await fetch(`${given.prometheus}/api/v1/${path}?${new URLSearchParams(parameters)}`)
  const { status, error, data } = /** @type {any} */ (await response.json())
  if (status !== 'success') throw new Error(`${parameters.query}: ${error}`)
  return data.result
}

/** @param {string} body */
function page(body) {
  const chosen = dashboard.templating.list.map(
    (/** @type {any} */ { label, type }) =>
      `<span class="variable"><b>${escaped(label)}</b>${type === 'datasource' ? 'Prometheus' : 'All'}</span>`,
  )
  return `<!doctype html>
<meta charset="utf-8"><title>${escaped(dashboard.title)}</title>
<style>
  body { margin: 0; background: #111217; color: #ccccdc; font-family: Inter, "DejaVu Sans", sans-serif; position: relative; height: ${pageHeight}px }
  svg text { font-family: Inter, "DejaVu Sans", sans-serif }
  body > div { position: absolute }
  .top { left: ${margin + 4}px; top: 12px; right: ${margin + 4}px; font-size: 13px; line-height: 34px }
  .top h1 { display: inline; font-size: 18px; font-weight: 500; margin-right: 24px }
  .variable { border: 1px solid #34363d; border-radius: 2px; margin-right: 8px; padding: 6px 10px }
  .variable b { color: #6e9fff; font-weight: 400; margin-right: 10px }
  .time { float: right; color: #8e8e9c }
  .row { font-size: 15px; line-height: 30px }
  .foot { left: ${margin + 4}px; top: ${pageHeight - 28}px; color: #8e8e9c; font-size: 12px }
  ${styles}
</style>
<div class="top"><h1>${escaped(dashboard.title)}</h1>${chosen.join('')}<span class="time">Last ${escaped(given.minutes)} minutes, UTC</span></div>
${body}
<div class="foot">Drawn by scripts/monitoring/draw-dashboard.mjs from the queries of monitoring/grafana-dashboard.json; not by Grafana. Dashed red lines: an alert began to fire.</div>
`
}

/** @param {string} file */
function photograph(file) {
  execFileSync(
    'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--hide-scrollbars',
      `--window-size=${pageWidth},${pageHeight}`,
      `--screenshot=${resolve(file)}`,
      `file://${resolve(given.out)}`,
    ],
    { stdio: 'ignore', timeout: 60_000 },
  )
}
