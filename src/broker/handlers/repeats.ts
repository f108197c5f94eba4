/** The names that stand in a list more than once: Kafka refuses each of them. */
export function repeatedNames(topics: readonly { readonly name: string }[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name } of topics) (seen.has(name) ? repeated : seen).add(name)
  return repeated
}

/**
 * What a request asks for, once each, in its order. A description is longer than the name of what is described, so an answer
 * that repeated it as often as the request does could be of any size.
 */
export function once<T>(asked: readonly T[], keyOf: (one: T) => unknown = one => one): readonly T[] {
  const byKey = new Map<unknown, T>()
  for (const one of asked) {
    const key = keyOf(one)
    if (!byKey.has(key)) byKey.set(key, one)
  }
  return byKey.size === asked.length ? asked : [...byKey.values()]
}
