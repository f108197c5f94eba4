import { ConfigError, type OptionProblem } from '../../base/errors/index.ts'
import { classNames } from './options/class-names.ts'
import { describeGiven } from './options/describe-given.ts'
import { camelCase, nearestName, plainName } from './options/option-names.ts'
import { type OptionName, optionNames, optionTable } from './options/option-table.ts'
import { refusedOptions } from './options/refused-options.ts'
import { checkValue, showName } from './options/resolve-options.ts'
import type { ProducerOptions } from './options.ts'
import { type Property, parseProperties } from './properties-syntax.ts'

/** Kafka's names of what is taken, and where each belongs. Class names have a name of their own in Kafka. */
const byKafkaName: ReadonlyMap<string, OptionName> = new Map([
  ...optionNames.flatMap(name => {
    const { kafkaName } = optionTable[name]
    return kafkaName === undefined ? [] : [[kafkaName, name] as const]
  }),
  ['partitioner.class', 'partitioner'],
])
const allNames = [...byKafkaName.keys(), ...[...refusedOptions.values()].map(row => row.kafkaName)]
const namesByPlainName = new Map(allNames.map(name => [plainName(name), name]))

interface Entry {
  readonly name: string
  readonly value: unknown
  /** Only of a text. */
  readonly line?: number
}

/**
 * Makes options of Kafka's configuration: the text of a .properties file, or an object with Kafka's dotted names. Texts are converted
 * by the type of each option, and names of Kafka's own Java classes to what stands for them here. Add what a file cannot say:
 * `createProducer({ ...fromProperties(text), keySerializer })`.
 *
 * @throws ConfigError with everything that is wrong with single entries; `createProducer` checks what they mean to each other
 */
export function fromProperties(textOrObject: string | Readonly<Record<string, unknown>>): ProducerOptions {
  const problems: OptionProblem[] = []
  const options: Record<string, unknown> = Object.create(null)
  for (const entry of entriesOf(textOrObject)) {
    const name = byKafkaName.get(entry.name)
    if (name === undefined) {
      const problem = notTaken(entry)
      if (problem) problems.push(problem)
      continue
    }
    const value = toOptionValue(entry, name)
    if (value === undefined) continue
    const checked = checkValue(name, value, entry.name)
    if (typeof checked !== 'string') options[name] = value
    else problems.push({ option: name, message: located(entry, classMessage(entry) ?? checked) })
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...options } as unknown as ProducerOptions
}

function entriesOf(given: unknown): Iterable<Entry> {
  if (typeof given === 'string') return lastOfEach(readText(given))
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const message = `properties are ${describeGiven('properties', given)}; allowed: the text of a .properties file, or an object with Kafka's names`
    throw new ConfigError([{ option: 'properties', message }])
  }
  return Object.entries(given).map(([name, value]) => ({ name, value }))
}

function readText(text: string): Property[] {
  try {
    return parseProperties(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new ConfigError([{ option: 'properties', message: error.message }])
  }
}

/** The last value of a repeated name counts, as in Java. */
function lastOfEach(properties: readonly Property[]): Iterable<Property> {
  return new Map(properties.map(property => [property.name, property])).values()
}

/** undefined: the entry says nothing. */
function toOptionValue({ value }: Entry, name: OptionName): unknown {
  if (typeof value !== 'string') return value
  const text = value.trim()
  const translated = classNames.get(text)
  if (translated?.options.includes(name)) return translated.value
  return optionTable[name].kind.fromText(name === 'clientId' ? value : text)
}

/** What to say of a Java class that has no counterpart here; Java's names are the only ones with dots in these places. */
function classMessage({ name, value }: Entry): string | undefined {
  if (typeof value !== 'string' || !/\.(class|serializer)$/.test(name) || !/^[\w$]+(\.[\w$]+)+$/.test(value.trim()))
    return
  const instead = name === 'partitioner.class' ? 'partitioner' : camelCase(name)
  return `${name} names the Java class ${value.trim().slice(0, 120)}, which has no counterpart here; leave it out, and give ${instead} to createProducer (a name or a function)`
}

/** What to say of a name that is not taken; its value is never shown. undefined: it is empty, and nothing is lost without it. */
function notTaken(entry: Entry): OptionProblem | undefined {
  const { name, value } = entry
  const problem = (message: string): OptionProblem => ({ option: name, message: located(entry, message) })
  const refused = refusedOptions.get(camelCase(name))
  if (refused !== undefined && refused.kafkaName === name) {
    return refused.kind === 'jvm' && value === '' ? undefined : problem(`${name} ${refused.because}`)
  }
  if (/^metrics\.context\.[\w.-]+$/.test(name)) return problem(`${name} works in a JVM only; read producer.metrics()`)
  const meant = namesByPlainName.get(plainName(name))
  if (meant !== undefined) return problem(`${showName(name)} is written ${meant} here`)
  const nearest = nearestName(name, allNames)
  if (nearest !== undefined) return problem(`${showName(name)} is not an option; did you mean ${nearest}?`)
  // A name without dots that is like no other may be the rest of a secret: PEM text, or a JAAS line, without its backslashes.
  if (entry.line !== undefined && !/^[a-z][a-z0-9]*(\.[a-z0-9]+)+$/.test(name)) {
    return { option: `line ${entry.line}`, message: `line ${entry.line} begins with no option's name` }
  }
  return problem(`${showName(name)} is not an option`)
}

const located = ({ line }: Entry, message: string): string =>
  line === undefined ? message : `line ${line}: ${message}`
