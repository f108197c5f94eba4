import { beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { type Api, apis, type Message } from '../../src/wire/protocol/index.ts'
import { message } from '../../src/wire/protocol/message.ts'
import { array, bool, field, int32, int64, nullable, string, struct } from '../../src/wire/protocol/types.ts'
import { compareDefinition } from './compare-definition.ts'
import { kafkaVersion, loadDefinitions, type MessageDefinition, parseDefinition } from './kafka-definitions.ts'

const all: [string, Api][] = Object.entries(apis)

describe(`our tables and the message definitions of Kafka ${kafkaVersion}`, () => {
  let loaded: Awaited<ReturnType<typeof loadDefinitions>>

  beforeAll(async () => {
    loaded = await loadDefinitions()
    if ('missing' in loaded)
      console.warn(
        `\n*** SKIPPED: ${all.length * 2} message tables were NOT compared with Kafka's definitions.\n*** ${loaded.missing}\n`,
      )
  })

  /** Kafka's definitions; without them the test is reported as skipped. */
  function definitions(ctx: TestContext): (ours: Message) => MessageDefinition {
    if ('missing' in loaded) return ctx.skip(loaded.missing)
    const byName = loaded
    return ours => {
      const definition = byName.get(ours.name)
      if (!definition) throw new Error(`Kafka ${kafkaVersion} defines no ${ours.name}`)
      return definition
    }
  }

  test.for(all)('%s agrees field by field and version by version', ([, api], ctx) => {
    const definitionOf = definitions(ctx)
    // Only the request's definition says that the highest version is not offered yet.
    const unstable = definitionOf(api.request).latestVersionUnstable === true
    expect([
      ...compareDefinition(api.request, definitionOf(api.request), unstable),
      ...compareDefinition(api.response, definitionOf(api.response), unstable),
    ]).toEqual([])
  })

  test('a table checked against the wrong definition does not pass', ctx => {
    const definitionOf = definitions(ctx)
    const definition = { ...definitionOf(apis.metadata.request), name: 'MetadataResponse' }
    expect(compareDefinition(apis.metadata.response, definition, false)).not.toEqual([])
  })
})

describe('the comparison bites', () => {
  const definition = parseDefinition(`{
    // A definition with one field of each sort.
    "apiKey": 99, "type": "request", "name": "SampleRequest", "validVersions": "1-4", "flexibleVersions": "3+",
    "fields": [
      { "name": "Id", "type": "int32", "versions": "0+" },
      { "name": "Topics", "type": "[]Topic", "versions": "0+", "nullableVersions": "2+", "fields": [
        { "name": "Name", "type": "string", "versions": "0+" },
        { "name": "Epoch", "type": "int32", "versions": "2+", "default": "-1" }
      ]},
      { "name": "Old", "type": "bool", "versions": "0-2", "default": "true" },
      { "name": "Limit", "type": "int64", "versions": "3+", "taggedVersions": "3+", "tag": 0, "default": "0x7f" },
      { "name": "Later", "type": "string", "versions": "5+" }
    ]
  }`)
  const topic = { name: field(string), epoch: field(int32, { from: 2, default: -1 }) }
  const rows = {
    id: field(int32),
    topics: field(nullable(array(struct('Topic', topic)), 2)),
    old: field(bool, { to: 2, default: true }),
    limit: field(int64, { from: 3, tag: 0, default: 127n }),
  }
  const table = { name: 'SampleRequest', key: 99, versions: [1, 4] as const, flexible: 3, fields: rows }
  const withTopic = (fields: Parameters<typeof struct>[1]) => ({
    ...rows,
    topics: field(nullable(array(struct('Topic', fields)), 2)),
  })
  const { id, topics, old, limit } = rows

  test('the right table passes', () => {
    expect(compareDefinition(message(table), definition, false)).toEqual([])
  })

  test.for([
    ['another name', { ...table, name: 'OtherRequest' }, 'name'],
    ['another API key', { ...table, key: 98 }, 'key'],
    ['a version too many', { ...table, versions: [1, 5] as const }, 'versions'],
    ['a version too few', { ...table, versions: [2, 4] as const }, 'versions'],
    ['another first flexible version', { ...table, flexible: 4 }, 'flexible from'],
    ['no flexible version', { name: table.name, key: 99, versions: table.versions, fields: rows }, 'flexible from'],
    ['another type', { ...table, fields: { ...rows, id: field(int64) } }, 'id type'],
    ['another first version', { ...table, fields: { ...rows, id: field(int32, { from: 1 }) } }, 'id versions'],
    ['another last version', { ...table, fields: { ...rows, old: field(bool, { to: 3, default: true }) } }, 'old'],
    ['null never legal', { ...table, fields: { ...rows, topics: field(array(struct('Topic', topic))) } }, 'nullable'],
    [
      'null legal too early',
      { ...table, fields: { ...rows, topics: field(nullable(array(struct('Topic', topic)), 1)) } },
      'topics nullable from',
    ],
    ['another default', { ...table, fields: { ...rows, old: field(bool, { to: 2, default: false }) } }, 'old default'],
    ['no default', { ...table, fields: { ...rows, old: field(bool, { to: 2 }) } }, 'old default'],
    ['another tag', { ...table, fields: { ...rows, limit: field(int64, { from: 3, tag: 1, default: 127n }) } }, 'tag'],
    ['no tag', { ...table, fields: { ...rows, limit: field(int64, { from: 3, default: 127n }) } }, 'limit tag'],
    ['a missing field', { ...table, fields: { id, topics, old } }, 'limit: "missing"'],
    ['a field Kafka lacks', { ...table, fields: { ...rows, more: field(int32) } }, 'more'],
    ['another order', { ...table, fields: { topics, id, old, limit } }, 'body order in v1'],
    [
      'another struct name',
      { ...table, fields: { ...rows, topics: field(nullable(array(struct('T', topic)), 2)) } },
      'type',
    ],
    ['another type inside', { ...table, fields: withTopic({ ...topic, name: field(int32) }) }, 'topics.name type'],
    ['a missing field inside', { ...table, fields: withTopic({ name: field(string) }) }, 'topics.epoch: "missing"'],
    [
      'another order inside',
      { ...table, fields: withTopic({ epoch: topic.epoch, name: topic.name }) },
      'topics. order in v2',
    ],
  ] as const)('%s is reported', ([, wrong, where]) => {
    expect(compareDefinition(message(wrong as Parameters<typeof message>[0]), definition, false).join('\n')).toContain(
      where,
    )
  })

  test('an unstable version is not one of ours', () => {
    expect(compareDefinition(message(table), definition, true)).not.toEqual([])
  })
})
