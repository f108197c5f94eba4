import { expect, test } from 'vitest'
import { drawPanel } from '../../scripts/monitoring/panel-svg.mjs'
import { format, ticks } from '../../scripts/monitoring/units.mjs'
import { readDashboard } from './dashboard-file.ts'

test.each([
  [1234, 'short', undefined, '1.23 k'],
  [1234, 'locale', 0, '1,234'],
  [0.0734, 'percentunit', undefined, '7.34%'],
  [2_810, 'si:rec/s', undefined, '2.81 krec/s'],
  [92_979, 'binBps', undefined, '90.8 KiB/s'],
  [0.00012, 's', undefined, '120 µs'],
  [0.0117, 's', undefined, '11.7 ms'],
  [90, 's', undefined, '1.5 min'],
  [Number.NaN, 's', undefined, '–'],
])('%d in %s (%s) is %s', (value, unit, decimals, text) => {
  expect(format(value, unit, decimals)).toBe(text)
})

test('a unit that cannot be written is refused', () => {
  expect(() => format(1, 'furlongs')).toThrow('furlongs')
})

test('the lines of an axis are at round numbers', () => {
  expect(ticks(0, 1, 'short')).toEqual([0, 0.25, 0.5, 0.75, 1])
  expect(ticks(0, 3_100, 'si:rec/s')).toEqual([0, 1_000, 2_000, 3_000])
  expect(ticks(0, 300_000, 'binBps')).toEqual([0, 131_072, 262_144])
})

const frame = { width: 480, height: 260, from: 0, to: 60, alerts: [30] }
const drawn = readDashboard().panels.filter(({ targets }) => targets !== undefined)

test.each(drawn.map(panel => [panel.title, panel] as const))(
  '%s: its numbers, names and gaps are drawn',
  (_, panel) => {
    const metric = {
      outcome: 'unknown',
      code: 'A<B',
      cause: 'A<B',
      broker: '1',
      topic: 't',
      client_id: 'c',
      result: 'r',
    }
    const answers = panel.targets!.map(() => [
      { metric, values: [0, 15, 30, 45, 60].map(time => [time, time === 30 ? 'NaN' : '0.5'] as [number, string]) },
    ])

    const svg = drawPanel(panel, answers, frame)

    expect(svg).toContain(`<title>${panel.title}</title>`)
    expect(svg).not.toMatch(/NaN|undefined|A<B|\{\{/)
  },
)
