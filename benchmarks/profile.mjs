// Where a CPU profile's time went: functions by self time.
//
//   node benchmarks/run.mjs --clients ottla --repeats 1 "--node-args=--cpu-prof --cpu-prof-dir=/tmp/profiles"
//   node benchmarks/profile.mjs /tmp/profiles/*.cpuprofile [--top 30] [--from-ms 0]

import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { top: { type: 'string', default: '30' }, 'from-ms': { type: 'string', default: '0' } },
})

for (const path of positionals) {
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(path, 'utf8'))
  const byId = new Map(nodes.map(node => [node.id, node]))
  const self = new Map()
  let elapsed = 0
  let total = 0
  samples.forEach((id, index) => {
    const micros = timeDeltas[index]
    elapsed += micros
    if (elapsed < 1000 * Number(values['from-ms'])) return
    const { functionName, url, lineNumber } = byId.get(id).callFrame
    const where = url === '' ? '' : ` ${url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, '')}:${lineNumber + 1}`
    const name = `${functionName || '(anonymous)'}${where}`
    self.set(name, (self.get(name) ?? 0) + micros)
    total += micros
  })
  const busy = total - (self.get('(idle)') ?? 0)
  console.log(`${path}: ${(total / 1000).toFixed(0)} ms, of them ${(busy / 1000).toFixed(0)} ms not idle`)
  const sorted = [...self].filter(([name]) => name !== '(idle)').sort((a, b) => b[1] - a[1])
  for (const [name, micros] of sorted.slice(0, Number(values.top)))
    console.log(
      `${((100 * micros) / busy).toFixed(1).padStart(5)} % ${(micros / 1000).toFixed(0).padStart(6)} ms  ${name}`,
    )
}
