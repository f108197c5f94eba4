/** One number of a page of metrics. */
export interface PageSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const nameAtStart = /^([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*/
/** Read one by one: a value may have commas and braces in it. */
const labelHere = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*/y
const numberAndMore = /^[ \t]*([+-]?(?:\d[\d.]*(?:e[+-]?\d+)?|inf|nan))(?=[ \t]|$)/i

/**
 * The samples of a page in Prometheus' text format or OpenMetrics, whoever wrote it, whose names begin with `prefix`; times and exemplars are
 * left out. undefined where the page is neither.
 */
export function pageSamples(page: string, prefix: string): PageSample[] | undefined {
  const lines = page.split(/\r?\n/).filter(line => line.trim() !== '')
  const samples: PageSample[] = []
  let isMetrics = lines.length === 0
  for (const line of lines) {
    if (/^# (HELP|TYPE|EOF)\b/.test(line)) isMetrics = true
    if (line.startsWith('#') || (isMetrics && !line.startsWith(prefix))) continue
    const sample = sampleOf(line)
    if (sample === undefined) continue
    isMetrics = true
    if (sample.name.startsWith(prefix)) samples.push(sample)
  }
  return isMetrics ? samples : undefined
}

function sampleOf(line: string): PageSample | undefined {
  const [head, name] = nameAtStart.exec(line) ?? []
  if (head === undefined || name === undefined) return undefined
  const labels: Record<string, string> = {}
  let at = head.length
  if (line[at] === '{') {
    const end = readLabels(line, at + 1, labels)
    if (end === undefined) return undefined
    at = end
  }
  const [, number] = numberAndMore.exec(line.slice(at)) ?? []
  return number === undefined ? undefined : { name, labels, value: numberOf(number) }
}

/** Where the labels end, behind their brace. */
function readLabels(line: string, from: number, labels: Record<string, string>): number | undefined {
  let at = from
  while (line[at] !== '}') {
    labelHere.lastIndex = at
    const [all, label, text] = labelHere.exec(line) ?? []
    if (all === undefined || label === undefined || text === undefined) return undefined
    labels[label] = text.replaceAll(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
    at += all.length
    if (line[at] === ',') at++
    while (line[at] === ' ') at++
  }
  return at + 1
}

function numberOf(text: string): number {
  if (!/inf$/i.test(text)) return Number(text)
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}
