// @ts-check
// Draws one panel of the dashboard as SVG, from Grafana's JSON of the panel and what Prometheus answered to its queries.
import { format, ticks } from './units.mjs'

/**
 * @typedef {{ metric: Record<string, string>, values: [time: number, value: string][] }} Series
 * @typedef {{ width: number, height: number, from: number, to: number, alerts: number[] }} Frame `alerts`: when one began to fire
 * @typedef {{ name: string, color: string, unit: string, isRight: boolean, isStacked: boolean, isBar: boolean, dash: string, fill: number,
 *   width: number, max: number | undefined, points: { time: number, value: number }[] }} Line
 */

/** Grafana's colours by name, in the dark theme. @type {Record<string, string>} */
const colors = {
  green: '#73bf69',
  yellow: '#f2cc0c',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#5794f2',
  purple: '#b877d9',
  text: '#9fa7b3',
}
const palette = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#37872d',
  '#e0b400',
  '#c15c17',
]
const ink = '#ccccdc'
const faint = '#8e8e9c'
const grid = '#2b2d33'

/** @param {string} text */
export const escaped = text => text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`)

/** @param {any} panel @param {Series[][]} answers one for each query @param {Frame} frame */
export function drawPanel(panel, answers, frame) {
  const draw = { stat: drawStat, table: drawTable, timeseries: drawLines }[/** @type {'stat'} */ (panel.type)]
  const { width, height } = frame
  return [
    `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(panel.title)}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="3" fill="#181b1f" stroke="#25272c"/>`,
    `<text x="10" y="21" class="title">${escaped(panel.title)}</text>`,
    draw(panel, answers, frame),
    '</svg>',
  ].join('\n')
}

/** @param {any} panel @param {Series[][]} answers @param {Frame} frame */
function drawStat(panel, answers, { width, height, from, to }) {
  const { unit, decimals, thresholds, max } = panel.fieldConfig.defaults
  const points = pointsOf(answers[0]?.[0])
  const last = points.findLast(({ value }) => Number.isFinite(value))?.value ?? Number.NaN
  const color =
    colors[thresholds.steps.findLast((/** @type {any} */ step) => step.value === null || last >= step.value).color]
  const highest = Math.max(max ?? 0, ...points.map(({ value }) => value).filter(Number.isFinite)) || 1
  const x = (/** @type {number} */ time) => 1 + ((time - from) / (to - from)) * (width - 2)
  const y = (/** @type {number} */ value) => height - 1 - (value / highest) * height * 0.38
  const path = pathOf(points, x, y)
  return [
    `<path d="${path.area(height - 1)}" fill="${color}" fill-opacity="0.18"/>`,
    `<path d="${path.line}" fill="none" stroke="${color}" stroke-opacity="0.7"/>`,
    `<text x="${width / 2}" y="${height * 0.56}" class="stat" fill="${color}">${escaped(format(last, unit, decimals))}</text>`,
  ].join('\n')
}

/** @param {any} panel @param {Series[][]} answers @param {Frame} frame */
function drawTable(panel, answers, { width }) {
  const { options } = panel.transformations.find((/** @type {any} */ each) => each.id === 'organize')
  const [key] = Object.entries(options.indexByName).find(([, index]) => index === 0) ?? ['']
  const units = new Map(
    panel.fieldConfig.overrides.map((/** @type {any} */ each) => [each.matcher.options, each.properties[0].value]),
  )
  const names = Object.values(options.renameByName)
  const rows = [...new Set(answers.flat().map(({ metric }) => metric[key] ?? ''))].sort()
  const columns = [key, ...names]
  const x = (/** @type {number} */ column) =>
    column === 0 ? 12 : 12 + (width - 24) * (0.2 + (0.8 * column) / (columns.length - 1))
  const lines = [
    ...columns.map((name, index) => cell(x(index), 48, index, 'head', name)),
    `<line x1="10" x2="${width - 10}" y1="56" y2="56" stroke="${grid}"/>`,
  ]
  for (const [index, row] of rows.entries()) {
    const y = 76 + index * 27
    lines.push(cell(x(0), y, 0, 'cell', row))
    for (const [column, name] of names.entries()) {
      const found = answers[column]?.find(({ metric }) => metric[key] === row)
      const value = Number(found?.values.at(-1)?.[1] ?? Number.NaN)
      lines.push(cell(x(column + 1), y, 1, 'cell', format(value, units.get(name) ?? panel.fieldConfig.defaults.unit)))
    }
    lines.push(`<line x1="10" x2="${width - 10}" y1="${y + 9}" y2="${y + 9}" stroke="${grid}"/>`)
  }
  return lines.join('\n')
}

/** @param {number} x @param {number} y @param {number} column @param {string} kind @param {string} text */
const cell = (x, y, column, kind, text) =>
  `<text x="${x}" y="${y}" class="${kind}" text-anchor="${column === 0 ? 'start' : 'end'}">${escaped(text)}</text>`

/** @param {any} panel @param {Series[][]} answers @param {Frame} frame */
function drawLines(panel, answers, { width, height, from, to, alerts }) {
  const lines = linesOf(panel, answers)
  const legend = legendOf(lines, width)
  const left = lines.filter(({ isRight }) => !isRight)
  // Each unit on the right has an axis of its own in Grafana; here there is room for the first, and the others follow it in height.
  const right = lines.filter(({ isRight }) => isRight)
  const rightUnits = [...new Set(right.map(({ unit }) => unit))]
  const [top, bottom] = [34, height - 26 - legend.height]
  const [start, end] = [66, width - (right.length === 0 ? 14 : 62)]
  const x = (/** @type {number} */ time) => start + ((time - from) / (to - from)) * (end - start)
  const scaleOf = (/** @type {Line[]} */ some, /** @type {number | undefined} */ max) => {
    const highest = max ?? (highestOf(some) * 1.08 || 1)
    return {
      highest,
      y: (/** @type {number} */ value) => bottom - (Math.min(value, highest * 1.02) / highest) * (bottom - top),
    }
  }
  const { unit, max } = panel.fieldConfig.defaults
  const leftScale = scaleOf(left, max)
  const rightScales = new Map(
    rightUnits.map(each => {
      const same = right.filter(line => line.unit === each)
      return [each, scaleOf(same, same.find(line => line.max !== undefined)?.max)]
    }),
  )
  const drawn = []
  for (const place of ticks(0, leftScale.highest, unit)) {
    const y = leftScale.y(place)
    drawn.push(`<line x1="${start}" x2="${end}" y1="${y}" y2="${y}" stroke="${grid}"/>`)
    drawn.push(
      `<text x="${start - 8}" y="${y + 4}" class="axis" text-anchor="end">${escaped(format(place, unit))}</text>`,
    )
  }
  const [rightUnit] = rightUnits
  const rightScale = rightUnit === undefined ? undefined : rightScales.get(rightUnit)
  if (rightUnit !== undefined && rightScale !== undefined)
    for (const place of ticks(0, rightScale.highest, rightUnit))
      drawn.push(
        `<text x="${end + 8}" y="${rightScale.y(place) + 4}" class="axis">${escaped(format(place, rightUnit))}</text>`,
      )
  drawn.push(...timeAxis(from, to, x, bottom))
  for (const time of alerts)
    drawn.push(
      `<line x1="${x(time)}" x2="${x(time)}" y1="${top}" y2="${bottom}" stroke="${colors.red}" stroke-opacity="0.55" stroke-dasharray="3 3"/>`,
      `<path d="M${x(time) - 4} ${bottom + 6}l4 -6l4 6z" fill="${colors.red}"/>`,
    )
  /** @type {Map<number, number>} what is stacked so far, by time */
  const heights = new Map()
  for (const line of lines) {
    const { y } = line.isRight ? (rightScales.get(line.unit) ?? leftScale) : leftScale
    drawn.push(
      line.isBar ? drawBars(line, heights, x, y) : drawLine(line, line.isStacked ? heights : undefined, x, y, bottom),
    )
  }
  return [...drawn, legend.draw(height)].join('\n')
}

/** @param {number} from @param {number} to @param {(time: number) => number} x @param {number} bottom */
function timeAxis(from, to, x, bottom) {
  const step = [15, 30, 60, 120, 300, 600].find(seconds => x(from + seconds) - x(from) > 64) ?? 1800
  const drawn = []
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    const text = new Date(time * 1000).toISOString().slice(11, step < 60 ? 19 : 16)
    drawn.push(`<line x1="${x(time)}" x2="${x(time)}" y1="34" y2="${bottom}" stroke="${grid}"/>`)
    if (x(to) - x(time) > 24)
      drawn.push(`<text x="${x(time)}" y="${bottom + 17}" class="axis" text-anchor="middle">${text}</text>`)
  }
  return drawn
}

/** @param {any} panel @param {Series[][]} answers @returns {Line[]} */
function linesOf(panel, answers) {
  const { defaults, overrides } = panel.fieldConfig
  const lines = []
  let next = 0
  for (const [index, target] of panel.targets.entries())
    for (const series of answers[index] ?? []) {
      const override = overrides.find((/** @type {any} */ each) => each.matcher.options === target.refId)
      const own = Object.fromEntries(
        (override?.properties ?? []).map((/** @type {any} */ each) => [each.id, each.value]),
      )
      const isRight = own['custom.axisPlacement'] === 'right'
      const stacking = own['custom.stacking'] ?? defaults.custom.stacking
      const fixed = own.color?.fixedColor
      const shade = own.color?.mode === 'shades' ? (answers[index] ?? []).indexOf(series) : 0
      lines.push({
        name: target.legendFormat.replace(
          /\{\{(\w+)\}\}/g,
          (/** @type {string} */ _, /** @type {string} */ label) => series.metric[label] ?? '',
        ),
        color: fixed === undefined ? (palette[next++ % palette.length] ?? ink) : shaded(colors[fixed] ?? ink, shade),
        unit: own.unit ?? defaults.unit,
        isRight,
        isStacked: stacking.mode === 'normal' && !isRight,
        isBar: defaults.custom.drawStyle === 'bars',
        dash: own['custom.lineStyle'] === undefined ? '' : '7 5',
        fill: (own['custom.fillOpacity'] ?? defaults.custom.fillOpacity) / 100,
        width: own['custom.lineWidth'] ?? Math.max(1.4, defaults.custom.lineWidth),
        max: own.max ?? undefined,
        points: pointsOf(series),
      })
    }
  return lines
}

/** The same colour, each time a little darker. @param {string} color @param {number} shade */
function shaded(color, shade) {
  const factor = 0.72 ** shade
  const parts = [1, 3, 5].map(at => Math.round(Number.parseInt(color.slice(at, at + 2), 16) * factor))
  return `#${parts.map(part => part.toString(16).padStart(2, '0')).join('')}`
}

/** @param {Line[]} lines */
function highestOf(lines) {
  /** @type {Map<number, number>} */
  const sums = new Map()
  let highest = 0
  for (const { points, isStacked } of lines)
    for (const { time, value } of points) {
      if (!Number.isFinite(value)) continue
      const sum = (isStacked ? (sums.get(time) ?? 0) : 0) + value
      if (isStacked) sums.set(time, sum)
      highest = Math.max(highest, sum)
    }
  return highest
}

/** @param {Series | undefined} series */
const pointsOf = series => (series?.values ?? []).map(([time, value]) => ({ time, value: Number(value) }))

/**
 * @param {Line} line
 * @param {Map<number, number> | undefined} below
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} bottom
 */
function drawLine({ points, color, fill, dash, width }, below, x, y, bottom) {
  const floor = new Map(below)
  const raised = points.map(({ time, value }) => ({ time, value: value + (floor.get(time) ?? 0) }))
  if (below !== undefined) for (const { time, value } of raised) if (Number.isFinite(value)) below.set(time, value)
  const path = pathOf(raised, x, y)
  const ground = below === undefined ? path.area(bottom) : path.area(time => y(floor.get(time) ?? 0))
  return [
    fill > 0 ? `<path d="${ground}" fill="${color}" fill-opacity="${fill}"/>` : '',
    `<path d="${path.line}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linejoin="round" stroke-dasharray="${dash}"/>`,
  ].join('\n')
}

/**
 * @param {Line} line
 * @param {Map<number, number>} below
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 */
function drawBars({ points, color }, below, x, y) {
  const [first, second] = points
  const width = first && second ? Math.max(1, (x(second.time) - x(first.time)) * 0.8) : 3
  return points
    .filter(({ value }) => value > 0)
    .map(({ time, value }) => {
      const floor = below.get(time) ?? 0
      below.set(time, floor + value)
      const top = y(floor + value)
      return `<rect x="${x(time) - width / 2}" y="${top}" width="${width}" height="${Math.max(0, y(floor) - top)}" fill="${color}" fill-opacity="0.9"/>`
    })
    .join('\n')
}

/**
 * The line, with a gap where there is no number, and the area below it.
 *
 * @param {{ time: number, value: number }[]} points
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 */
function pathOf(points, x, y) {
  /** @type {{ time: number, value: number }[][]} */
  const pieces = [[]]
  let last
  for (const point of points) {
    if (!Number.isFinite(point.value) || (last !== undefined && point.time - last > 2 * stepOf(points))) pieces.push([])
    if (Number.isFinite(point.value)) pieces.at(-1)?.push(point)
    last = point.time
  }
  const drawn = pieces.filter(piece => piece.length > 0)
  const at = (/** @type {{ time: number, value: number }} */ { time, value }) =>
    `${x(time).toFixed(1)} ${y(value).toFixed(1)}`
  const line = drawn.map(piece => `M${piece.map(at).join('L')}`).join('')
  return {
    line,
    /** @param {number | ((time: number) => number)} ground */
    area: ground =>
      drawn
        .map(piece => {
          const back = [...piece].reverse().map(({ time }) => {
            const floor = typeof ground === 'number' ? ground : ground(time)
            return `${x(time).toFixed(1)} ${floor.toFixed(1)}`
          })
          return `M${piece.map(at).join('L')}L${back.join('L')}z`
        })
        .join(''),
  }
}

/** @param {{ time: number }[]} points */
const stepOf = points => Math.min(...points.slice(1).map(({ time }, index) => time - (points[index]?.time ?? 0)))

/** The legend below the picture, in as many lines as it takes. @param {Line[]} lines @param {number} width */
function legendOf(lines, width) {
  const lineHeight = 18
  let x = 14
  let row = 0
  const places = lines.map(({ name, color }) => {
    const length = 30 + name.length * 7 + (name.match(/[A-Z]/g)?.length ?? 0) * 1.7
    if (x + length > width - 10 && x > 14) {
      x = 14
      row++
    }
    const place = { name, color, x, row }
    x += length
    return place
  })
  return {
    height: (row + 1) * lineHeight,
    /** @param {number} bottom */
    draw: bottom =>
      places
        .map(({ name, color, x, row: at }) => {
          const y = bottom - 10 - (row - at) * lineHeight
          return [
            `<rect x="${x}" y="${y - 6}" width="13" height="4" rx="2" fill="${color}"/>`,
            `<text x="${x + 18}" y="${y}" class="legend">${escaped(name)}</text>`,
          ].join('')
        })
        .join('\n'),
  }
}

export const styles = `
  .title { fill: ${ink}; font-weight: 500; font-size: 14px }
  .axis { fill: ${faint}; font-size: 11px }
  .legend, .cell { fill: ${ink}; font-size: 12px }
  .head { fill: #6e9fff; font-size: 12px }
  .stat { font-size: 32px; font-weight: 500; text-anchor: middle; dominant-baseline: middle }
`
