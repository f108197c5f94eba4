import type { Random } from '../../base/random.ts'

/** The items in random order (Fisher and Yates), so that clients do not all begin at the same broker. */
export function shuffled<T>(items: Iterable<T>, random: Random): T[] {
  const list = [...items]
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[list[last], list[other]] = [list[other]!, list[last]!]
  }
  return list
}
