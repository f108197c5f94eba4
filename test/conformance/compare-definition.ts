import type { Field, Fields, Message } from '../../src/wire/protocol/index.ts'
import type { FieldDefinition, MessageDefinition } from './kafka-definitions.ts'

type Range = readonly [from: number, to: number]
type Row = Field<unknown>

/** `3+`, `0-12`, `4`; `none` or nothing at all is no version. */
function parseRange(text: string | undefined): Range | undefined {
  if (text === undefined || text === 'none') return undefined
  const [from, to] = text.replace('+', '-Infinity').split('-')
  return [Number(from), Number(to ?? from)]
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, own) =>
    typeof own === 'bigint' ? `${own}n` : own === Number.POSITIVE_INFINITY ? 'open' : own,
  ) ?? 'undefined'

const same = (a: unknown, b: unknown) => show(a) === show(b)

/**
 * Everything in which a table of ours differs from Kafka's definition. Fields that begin after our last version or end
 * before our first may be missing from the table. `unstable`: Kafka does not offer its highest version to clients yet.
 */
export function compareDefinition(message: Message, definition: MessageDefinition, unstable: boolean): string[] {
  const differences: string[] = []
  const differ = (what: string, ours: unknown, kafkas: unknown) => {
    if (!same(ours, kafkas)) differences.push(`${message.name} ${what}: ${show(ours)}, in Kafka ${show(kafkas)}`)
  }
  const [first, last] = parseRange(definition.validVersions)!
  differ('name', message.name, definition.name)
  differ('key', message.key, definition.apiKey)
  differ('versions', message.versions, [first, unstable ? last - 1 : last])
  differ(
    'flexible from',
    message.flexibleFrom,
    parseRange(definition.flexibleVersions)?.[0] ?? Number.POSITIVE_INFINITY,
  )
  compareFields(message.fields, definition.fields, '', message.versions, message.versions)
  return differences

  function compareFields(ours: Fields, kafkas: FieldDefinition[], path: string, within: Range, versions: Range): void {
    const definedHere = new Map(kafkas.map(field => [keyOf(field), field]))
    for (const name of Object.keys(ours))
      if (!definedHere.has(name)) differ(`${path}${name}`, 'a field', 'no such field')
    for (const [name, field] of definedHere) {
      const row = ours[name] as Row | undefined
      const [from, to] = parseRange(field.versions)!
      if (row) compareField(row, field, `${path}${name}`, versions)
      else if (from <= within[1] && to >= within[0]) differ(`${path}${name}`, 'missing', `versions ${field.versions}`)
    }
    for (let version = within[0]; version <= within[1]; version++) {
      // What stands on the wire, in its order; tagged fields go by their number.
      const ordinary = Object.entries(ours as Record<string, Row>)
        .filter(([, row]) => row.tag === undefined && version >= row.from && version <= row.to)
        .map(([name]) => name)
      const expected = kafkas
        .filter(field => has(field.versions, version) && !has(field.taggedVersions, version))
        .map(keyOf)
      differ(`${path || 'body'} order in v${version}`, ordinary, expected)
    }
  }

  function compareField(row: Row, field: FieldDefinition, path: string, versions: Range): void {
    const range = parseRange(field.versions)!
    differ(`${path} type`, row.type.name, field.type)
    differ(`${path} versions`, [row.from, row.to], range)
    const nullable = parseRange(field.nullableVersions)
    differ(`${path} nullable from`, row.type.nullableFrom, nullable?.[0])
    // A table's null stays legal once it is: no definition takes it back while the field lives.
    if (nullable) differ(`${path} nullable to the end`, true, nullable[1] >= range[1])
    differ(`${path} tag`, row.tag, field.tag)
    if (row.tag !== undefined) differ(`${path} tagged versions`, [row.from, row.to], parseRange(field.taggedVersions))
    differ(`${path} default`, normalDefault(row), defaultOf(field))
    differ(`${path} encoding of its own`, undefined, field.flexibleVersions)
    if (row.type.fields || field.fields) {
      const within: Range = [Math.max(versions[0], range[0]), Math.min(versions[1], range[1])]
      compareFields(row.type.fields ?? {}, structOf(field), `${path}.`, within, versions)
    }
  }

  function structOf(field: FieldDefinition): FieldDefinition[] {
    const name = field.type.replace('[]', '')
    return field.fields ?? definition.commonStructs?.find(struct => struct.name === name)?.fields ?? []
  }

  function defaultOf(field: FieldDefinition): unknown {
    if (field.default !== undefined) return parseDefault(field.type, String(field.default))
    if (field.type.startsWith('[]')) return []
    if (field.type in implicitDefaults) return implicitDefaults[field.type]
    return Object.fromEntries(structOf(field).map(inner => [keyOf(inner), defaultOf(inner)]))
  }
}

const keyOf = (field: FieldDefinition) => field.name[0]!.toLowerCase() + field.name.slice(1)

function has(versions: string | undefined, version: number): boolean {
  const range = parseRange(versions)
  return range !== undefined && version >= range[0] && version <= range[1]
}

/** What Kafka's generator gives a field whose definition names no default (FieldSpec.fieldDefault). */
const implicitDefaults: Record<string, unknown> = {
  bool: false,
  int8: 0,
  int16: 0,
  uint16: 0,
  int32: 0,
  uint32: 0,
  int64: 0n,
  float64: 0,
  string: '',
  uuid: 'AAAAAAAAAAAAAAAAAAAAAA',
  bytes: [],
  records: null,
}

function parseDefault(type: string, text: string): unknown {
  if (text === 'null') return null
  if (type === 'int64') return BigInt(text)
  if (type === 'bool') return text === 'true'
  return type === 'string' ? text : Number(text)
}

const normalDefault = (row: Row) => (row.default instanceof Uint8Array ? [...row.default] : row.default)
