import type { OptionProblem } from '../../base/errors/index.ts'

/** Says what is wrong with a value that came as JSON: all of it, each with its path. */
export type Shape = (value: unknown, path: string, problems: OptionProblem[]) => void

export function tell(problems: OptionProblem[], path: string, message: string): void {
  problems.push({ option: path, message: `${path === '' ? 'the whole' : path}: ${message}` })
}

const expected =
  (what: string, is: (value: unknown) => boolean): Shape =>
  (value, path, problems) => {
    if (!is(value)) tell(problems, path, `${shown(value)} is not ${what}`)
  }

export const text: Shape = expected('a text', value => typeof value === 'string' && value !== '')
export const flag: Shape = expected('true or false', value => typeof value === 'boolean')

export const whole = (min: number, max = Number.MAX_SAFE_INTEGER): Shape =>
  expected(
    max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
    value => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  )

export const oneOf = (legal: readonly string[]): Shape =>
  expected(legal.length > 12 ? `a name that is known here` : `one of ${legal.join(', ')}`, value =>
    legal.includes(value as string),
  )

export const matching = (pattern: RegExp, what: string): Shape =>
  expected(what, value => typeof value === 'string' && pattern.test(value))

export const listOf =
  (shape: Shape, length?: number): Shape =>
  (value, path, problems) => {
    if (!Array.isArray(value)) return tell(problems, path, `${shown(value)} is not a list`)
    if (length !== undefined && value.length !== length)
      tell(problems, path, `has ${value.length} items, not ${length}`)
    for (const [index, one] of value.entries()) shape(one, `${path}[${index}]`, problems)
  }

/** The first shape that has nothing to say decides; where all have, the last is heard. */
export const either =
  (...shapes: readonly Shape[]): Shape =>
  (value, path, problems) => {
    let found: OptionProblem[] = []
    for (const shape of shapes) {
      found = []
      shape(value, path, found)
      if (found.length === 0) return
    }
    problems.push(...found)
  }

/** An object with these fields and no others. `required` ones must be there. */
export const objectOf =
  (fields: Readonly<Record<string, Shape>>, required: readonly string[] = []): Shape =>
  (value, path, problems) => {
    if (!isObject(value)) return tell(problems, path, `${shown(value)} is not an object`)
    const at = (name: string) => (path === '' ? name : `${path}.${name}`)
    for (const [name, one] of Object.entries(value)) {
      const shape = Object.hasOwn(fields, name) ? fields[name] : undefined
      if (shape) shape(one, at(name), problems)
      else tell(problems, at(name), `there is no such field; there are ${Object.keys(fields).join(', ')}`)
    }
    for (const name of required) if (!Object.hasOwn(value, name)) tell(problems, at(name), 'is missing')
  }

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Short enough for a message, whatever came. */
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  const json = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value))
  return json.length > 60 ? `${json.slice(0, 60)}…` : json
}
