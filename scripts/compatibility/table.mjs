// @ts-check
/**
 * What became of a cell.
 * @typedef {import('../../test/compatibility/cells.ts').CellResult} CellResult
 *
 * What a cell of the table says.
 * @typedef {'yes' | 'no' | '–' | 'not tried'} Mark
 */

/** @type {Record<CellResult['result'], Mark>} */
const marks = { passed: 'yes', failed: 'no', lacking: 'no', skipped: 'not tried' }

const introduction = `# Compatibility of the embedded broker

<!-- Made by scripts/compatibility/run.mjs from real runs; the cells are in test/compatibility. -->

Each cell was run: the client of that column did what the row says against \`ottla broker\`, and what it did was judged by what
another program then found: kcat, the bytes of the log, or the client that reads what another has written. The same cells run on
a real Kafka with \`npm run compatibility -- --on kafka\`, which shows that they ask for nothing that Kafka does not do.

\`–\`: the client has no such thing. \`no\`: known not to work, for the reason below. \`not tried\`: the client was not to be had.`

/**
 * The document. Columns stand in the order in which their results are given.
 * @param {readonly CellResult[]} results
 */
export function renderDocument(results) {
  const remarks = [
    ...results
      .filter(each => marks[each.result] === 'no')
      .map(each => `${each.client}, ${each.operation}: ${reasonOf(each)}`),
    ...untried(results),
    ...results.flatMap(each => (each.remarks ?? []).map(remark => `${each.client}: ${remark}`)),
  ]
  const parts = [
    introduction,
    ...section('Clients', results, 'clients'),
    ...section("Kafka's own command-line tools", results, 'tools'),
    ...(remarks.length > 0 ? ['## Remarks', [...new Set(remarks)].map(each => `- ${each}`).join('\n')] : []),
  ]
  return `${parts.join('\n\n')}\n`
}

/**
 * What was not tried and why: a client with all it does, or how many of its cells.
 * @param {readonly CellResult[]} results
 */
export function untried(results) {
  return [...new Set(results.map(titleOf))].flatMap(title => {
    const cells = results.filter(each => titleOf(each) === title)
    const skipped = cells.filter(each => each.result === 'skipped')
    return [...new Set(skipped.map(reasonOf))].map(reason => {
      const count = skipped.filter(each => reasonOf(each) === reason).length
      const what = count === cells.length ? 'was not tried' : `was not tried in ${count} of ${cells.length} cells`
      return `${title} ${what}: ${reason}`
    })
  })
}

/** @param {CellResult} result */
const reasonOf = ({ reason = '' }) => reason.split('\n')[0] ?? ''

/**
 * @param {string} title
 * @param {readonly CellResult[]} results
 * @param {CellResult['table']} table
 */
function section(title, results, table) {
  const rows = results.filter(each => each.table === table)
  return rows.length > 0 ? [`## ${title}`, renderTable(rows)] : []
}

/** @param {readonly CellResult[]} results */
function renderTable(results) {
  const columns = [...new Set(results.map(titleOf))]
  const found = new Map(results.map(each => [`${titleOf(each)}\n${each.operation}`, marks[each.result]]))
  const rows = rowsOf(results).map(operation => [
    operation,
    ...columns.map(column => found.get(`${column}\n${operation}`) ?? '–'),
  ])
  return [['', ...columns], ['---', ...columns.map(() => '---')], ...rows]
    .map(row => `| ${row.join(' | ')} |`)
    .join('\n')
}

/** @param {CellResult} result */
const titleOf = ({ client, version }) => `${client} ${version}`

/**
 * The client that has most operations gives the order; what only others have follows what they do before it.
 * @param {readonly CellResult[]} results
 */
function rowsOf(results) {
  /** @type {Map<string, string[]>} */
  const byClient = new Map()
  for (const each of results) byClient.set(titleOf(each), [...(byClient.get(titleOf(each)) ?? []), each.operation])
  const [longest = [], ...others] = [...byClient.values()].sort((a, b) => b.length - a.length)
  const rows = [...longest]
  for (const operations of others) {
    let at = 0
    for (const operation of operations) {
      const known = rows.indexOf(operation)
      if (known < 0) rows.splice(at, 0, operation)
      at = (known < 0 ? at : known) + 1
    }
  }
  return rows
}

/**
 * What a document says of each client and operation.
 * @param {string} document
 */
export function readMarks(document) {
  /** @type {Map<string, string>} */
  const found = new Map()
  /** @type {string[]} */
  let columns = []
  for (const line of document.split('\n')) {
    const [operation = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map(text => text.trim())
    if (!line.startsWith('|')) columns = []
    else if (operation === '') columns = cells
    else if (operation !== '---')
      for (const [at, mark] of cells.entries()) found.set(`${columns[at]}, ${operation}`, mark)
  }
  return found
}

/**
 * Where two documents contradict each other, one sentence for each cell. What one of them has not tried contradicts nothing,
 * nor does another release of the same client: kcat is whatever the machine has.
 * @param {string} written
 * @param {string} seen
 */
export function differences(written, seen) {
  const [before, now] = [readMarks(written), readMarks(seen)]
  const otherReleases = [...releasesOf(before, now), ...releasesOf(now, before)]
  return [...new Set([...before.keys(), ...now.keys()])].flatMap(cell => {
    const [was, is] = [before.get(cell) ?? '–', now.get(cell) ?? '–']
    const untried = was === 'not tried' || is === 'not tried' || otherReleases.includes(columnOf(cell))
    return was === is || untried ? [] : [`${cell}: "${was}" is written, "${is}" was seen`]
  })
}

/** @param {string} cell */
const columnOf = cell => cell.slice(0, cell.indexOf(', '))

/**
 * The columns of `these` whose client has another release in `those`, which in turn is not in `these`.
 * @param {Map<string, string>} these
 * @param {Map<string, string>} those
 */
function releasesOf(these, those) {
  /** @param {Map<string, string>} marks */
  const columnsOf = marks => [...new Set([...marks.keys()].map(columnOf))]
  const [own, other] = [columnsOf(these), columnsOf(those)]
  /** @param {string} column */
  const clientOf = column => column.slice(0, column.lastIndexOf(' '))
  const strangers = other.filter(column => !own.includes(column)).map(clientOf)
  return own.filter(column => !other.includes(column) && strangers.includes(clientOf(column)))
}
