import type { CollectedFamily, Sample } from './collection.ts'

/** Of the text that `expositionOf` writes. Source: https://prometheus.io/docs/instrumenting/exposition_formats */
export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus' text format 0.0.4. A family without a number is left out. */
export function expositionOf(collected: readonly CollectedFamily[]): string {
  let text = ''
  for (const { family, samples } of collected) {
    if (samples.length === 0) continue
    text += `# HELP ${family.name} ${escaped(family.help)}\n# TYPE ${family.name} ${family.type}\n`
    for (const sample of samples) text += lineOf(sample)
  }
  return text
}

function lineOf({ name, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`)
  return `${name}{${pairs.join(',')}} ${numberText(value)}\n`
}

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
