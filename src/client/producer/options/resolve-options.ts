import { ConfigError, type OptionProblem } from '../../../base/errors/index.ts'
import { invariant } from '../../../base/invariant.ts'
import type { ResolvedOptions } from '../options.ts'
import { applyCrossRules, type MutableOptions } from './cross-rules.ts'
import { describeGiven } from './describe-given.ts'
import { camelCase, nearestName, plainName } from './option-names.ts'
import { type OptionName, optionNames, optionTable } from './option-table.ts'
import { refusedOptions } from './refused-options.ts'

let producersNamed = 0

/**
 * Checks what was given to `createProducer` and fills in the rest. Only own properties with a known name are read, each once, so
 * that neither prototypes nor later changes reach the result, which is frozen.
 *
 * @throws ConfigError with everything that is wrong
 */
export function resolveOptions(given: unknown): ResolvedOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const message = `options are ${describeGiven('options', given)}; allowed: an object such as { bootstrapServers: 'localhost:9092' }`
    throw new ConfigError([{ option: 'options', message }])
  }
  const problems = Object.keys(given)
    .filter(name => !Object.hasOwn(optionTable, name) && read(given, name).value !== undefined)
    .map(unknownOption)
  const values: Record<string, unknown> = Object.create(null)
  const present = new Set<OptionName>()
  for (const name of optionNames) {
    const property = Object.hasOwn(given, name) ? read(given, name) : { value: undefined }
    const checked = checkOption(name, property)
    if (checked.problem) problems.push(checked.problem)
    else if (property.value !== undefined) present.add(name)
    // With the default in place of a wrong value, the rules below find what else is wrong.
    values[name] = checked.problem ? optionTable[name].default : checked.value
  }
  const options = values as unknown as MutableOptions
  const alone = new Set(problems.map(problem => problem.option))
  problems.push(...applyCrossRules(options, present).filter(problem => !alone.has(problem.option)))
  if (problems.length > 0) throw new ConfigError(problems)
  invariant(Array.isArray(values.bootstrapServers), 'options without a problem name a server')
  values.clientId ??= `producer-${++producersNamed}`
  return Object.freeze(options)
}

type Property = { readonly value: unknown; readonly unreadable?: true }

/** An own property; its getter may throw, and is not ours. */
function read(given: object, name: string): Property {
  try {
    return { value: (given as Record<string, unknown>)[name] }
  } catch {
    return { value: null, unreadable: true }
  }
}

function checkOption(name: OptionName, { value, unreadable }: Property): { value?: unknown; problem?: OptionProblem } {
  const row = optionTable[name]
  if (unreadable) return { problem: { option: name, message: `${name} cannot be read: its getter throws` } }
  if (value === undefined) {
    if (name !== 'bootstrapServers') return { value: row.default }
    return { problem: { option: name, message: `${name} is missing; allowed: ${row.kind.allowed}` } }
  }
  const checked = checkValue(name, value)
  return typeof checked === 'string' ? { problem: { option: name, message: checked } } : checked
}

/** The value in its resolved form, or a sentence that says what is wrong with it. */
export function checkValue(name: OptionName, given: unknown, writtenAs: string = name): { value: unknown } | string {
  const { kind, unit } = optionTable[name]
  const checked = kind.check(given)
  if ('value' in checked) return checked
  const allowed = `${kind.allowed}${unit ? ` (${unit})` : ''}`
  if (checked.because === undefined) return `${writtenAs} is ${describeGiven(name, given)}; allowed: ${allowed}`
  return name === 'bootstrapServers' || name === 'interceptors'
    ? `${writtenAs}: ${checked.because}; allowed: ${allowed}`
    : `${writtenAs} is ${describeGiven(name, given)}, which ${checked.because}`
}

const allNames: readonly string[] = [...optionNames, ...refusedOptions.keys()]
const namesByPlainName = new Map(allNames.map(name => [plainName(name), name]))

/** What to say of a name that is not in the table. Its value is never shown: it may be a secret under a misspelt name. */
function unknownOption(name: string): OptionProblem {
  const refused = refusedOptions.get(name)
  if (refused) return { option: name, message: `${name} ${refused.because}` }
  const shown = showName(name)
  const meant = namesByPlainName.get(plainName(name))
  if (meant !== undefined) {
    const reason = refusedOptions.get(meant)?.because
    return { option: name, message: `${shown} is written ${meant} here${reason ? `, and ${reason}` : ''}` }
  }
  const nearest = nearestName(camelCase(name), allNames)
  return {
    option: name,
    message: `${shown} is not an option${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
  }
}

export function showName(name: string): string {
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)
  return /^"[\w.-]*"$/.test(shown) ? shown.slice(1, -1) : shown
}
