const maxShown = 60

/** Names whose values are never shown. Too many are caught rather than one too few. */
const secretName = /password|passphrase|secret|key|token|jaas|credential/i

/** Of those, the names of our own that hold nothing to hide. */
const notSecret: ReadonlySet<string> = new Set(['keySerializer', 'partitionerIgnoreKeys'])

const isSecretName = (name: string): boolean => secretName.test(name) && !notSecret.has(name)

/** A given value as it may stand in a message: short, typed where that is the point, hidden where its name sounds secret. */
export function describeGiven(name: string, given: unknown): string {
  if (isSecretName(name)) return 'a value that is not shown'
  switch (typeof given) {
    case 'string':
      return `the string ${JSON.stringify(given.length > maxShown ? `${given.slice(0, maxShown)}…` : given)}`
    case 'bigint':
      return `the bigint ${String(given).slice(0, maxShown)}n`
    case 'number':
      return Object.is(given, -0) ? '-0' : String(given)
    case 'boolean':
    case 'undefined':
      return String(given)
    case 'object':
      return given === null ? 'null' : Array.isArray(given) ? 'an array' : 'an object'
    default:
      return `a ${typeof given}`
  }
}
