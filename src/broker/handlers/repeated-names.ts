/** The names that stand in a list more than once: Kafka refuses each of them. */
export function repeatedNames(topics: readonly { readonly name: string }[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name } of topics) (seen.has(name) ? repeated : seen).add(name)
  return repeated
}
