// @ts-check
// Writes PromQL over the families that `ottla/prometheus` exports, and refuses any other.

/**
 * @typedef {{ name: string, type: 'counter' | 'gauge' | 'histogram' | 'summary', labels?: readonly string[],
 *   sources: readonly { labels?: Readonly<Record<string, string>> }[] }} Family
 * @typedef {{ by?: string, where?: string, window?: string }} Choice
 */

const prefix = 'kafka_producer_'
/** As long as Grafana finds right for the step of the picture and the pace of scraping. */
const rateInterval = '$__rate_interval'

/** What a family can be told apart by, beside what Prometheus adds. @param {Family} family @returns {string[]} */
const labelsOf = ({ labels = [], sources }) => [
  'client_id',
  ...labels,
  ...new Set(sources.flatMap(source => Object.keys(source.labels ?? {}))),
]

/** The names of its time series. @param {Family} family @returns {string[]} */
const seriesOf = ({ name, type }) =>
  type === 'histogram' ? ['_bucket', '_sum', '_count'].map(suffix => name + suffix) : [name]

/**
 * The records of a counter whose series come to life with the first event, such as one for each code of error. `increase` begins
 * with the first sample it sees, and so overlooks what a series is born with: often all there is. A series that has fewer samples
 * in the window than its producer was born in it, and its whole value belongs to the window.
 *
 * @param {string} series with its matchers
 * @param {string} window
 * @param {string} producers kafka_producer_info, with matchers
 * @param {string} own the labels that the series has and its producer has not
 */
export const countSinceBirth = (series, window, producers, own) =>
  [
    `${series} and count_over_time(${series}[${window}])`,
    // Two versions of one producer within the window: it was upgraded.
    `    < ignoring (${own}) group_left () sum without (version) (count_over_time(${producers}[${window}]))`,
    `  or increase(${series}[${window}])`,
  ].join('\n')

/**
 * Queries of the dashboard: each is narrowed by the dashboard's variables, as far as its family has the label.
 *
 * @param {readonly Family[]} families
 */
export function dashboardQueries(families) {
  const byName = new Map(families.map(family => [family.name, family]))

  /** @param {string} name @returns {Family} */
  const familyOf = name => {
    const family = byName.get(prefix + name)
    if (family === undefined) throw new Error(`there is no family ${prefix}${name}`)
    return family
  }

  /** @param {string} name without the prefix @param {{ suffix?: string, where?: string }} [choice] */
  const select = (name, { suffix = '', where = '' } = {}) => {
    const labels = labelsOf(familyOf(name))
    const variables = ['client_id', 'instance', 'topic', 'broker']
      .filter(label => label === 'instance' || labels.includes(label))
      .map(label => `${label}=~"$${label}"`)
    return `${prefix}${name}${suffix}{${[...variables, ...(where === '' ? [] : [where])].join(', ')}}`
  }

  /** @param {string | undefined} by */
  const sum = by => (by === undefined ? 'sum' : `sum by (${by})`)

  const queries = {
    select,

    /** A second. @param {string} name @param {Choice} [choice] */
    rate: (name, { by, where, window = rateInterval } = {}) =>
      `${sum(by)} (rate(${select(name, { ...(where && { where }) })}[${window}]))`,

    /** @param {string} name @param {Choice & { own: string }} choice */
    count: (name, { by, where, window = rateInterval, own }) =>
      `${sum(by)} (\n  ${countSinceBirth(select(name, { ...(where && { where }) }), window, select('info'), own)}\n)`,

    /** @param {string} name @param {string} [by] */
    now: (name, by) => `${sum(by)} (${select(name)})`,

    /** @param {number} quantile @param {string} name @param {Choice} [choice] */
    quantile: (quantile, name, { by, window = rateInterval } = {}) => {
      const buckets = `rate(${select(name, { suffix: '_bucket' })}[${window}])`
      return `histogram_quantile(${quantile}, sum by (${by === undefined ? 'le' : `le, ${by}`}) (${buckets}))`
    },

    /** @param {string} name @param {Choice} [choice] */
    mean: (name, { by, window = rateInterval } = {}) => {
      const part = (/** @type {string} */ suffix) => `${sum(by)} (rate(${select(name, { suffix })}[${window}]))`
      return `${part('_sum')} / ${part('_count')}`
    },
  }
  return queries
}

/**
 * What is wrong with a query: series that no producer has, and labels that their family has not.
 *
 * @param {string} expression
 * @param {readonly Family[]} families
 * @param {readonly string[]} [recorded] names that recording rules make
 * @returns {string[]}
 */
export function queryProblems(expression, families, recorded = []) {
  const known = new Map(families.flatMap(family => seriesOf(family).map(name => [name, labelsOf(family)])))
  const added = ['job', 'instance', 'le', 'alertname', 'alertstate']
  const problems = []
  // Else a colon would end the name of a recording rule.
  for (const [, name = '', matchers = ''] of expression.matchAll(
    /((?:[a-z_]+:)?kafka_producer_\w+(?::\w+)?)(?:\{([^}]*)\})?/g,
  )) {
    if (recorded.includes(name)) continue
    const labels = known.get(name)
    if (labels === undefined) problems.push(`no producer has the series ${name}`)
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (labels !== undefined && !labels.includes(label) && !added.includes(label))
        problems.push(`${name} has no label ${label}`)
  }
  const all = new Set([...families.flatMap(labelsOf), ...added])
  for (const [, list = ''] of expression.matchAll(/\b(?:by|without|ignoring|on) \(([^)]*)\)/g))
    for (const label of list.split(',').map(each => each.trim()))
      if (!all.has(label)) problems.push(`no family has the label ${label}`)
  return problems
}

/** The families that a query asks for. @param {string} expression @param {readonly Family[]} families @returns {string[]} */
export const familiesIn = (expression, families) =>
  families
    .filter(family => seriesOf(family).some(name => new RegExp(`\\b${name}\\b`).test(expression)))
    .map(family => family.name)
