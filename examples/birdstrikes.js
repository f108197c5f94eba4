// The data set of the examples as records: see data/README.md.
import { readFileSync } from 'node:fs'

const file = new URL('data/birdstrikes.csv', import.meta.url)

/** 10,000 records without a topic: the state as key, the event as JSON. The file has no quoted fields. */
export function birdstrikes() {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/)
  const columns = header.split(',')
  const keyColumn = columns.indexOf('Origin State')
  return lines.map(line => {
    const fields = line.split(',')
    const event = Object.fromEntries(columns.map((column, index) => [column, fields[index]]))
    return { key: fields[keyColumn] ?? '', value: JSON.stringify(event) }
  })
}
