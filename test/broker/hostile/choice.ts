import type { Random } from '../../../src/base/random.ts'

export const upTo = (random: Random, limit: number): number => Math.floor(random() * limit)
export const oneOf = <T>(random: Random, list: readonly T[]): T => list[upTo(random, list.length)]!
