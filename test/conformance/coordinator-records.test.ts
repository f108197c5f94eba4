import { beforeAll, describe, expect, test } from 'vitest'
import {
  groupMetadataKey,
  groupMetadataValue,
  offsetCommitKey,
  offsetCommitValue,
} from '../../src/broker/coordinators/records/consumer-offsets.ts'
import { transactionLogKey, transactionLogValue } from '../../src/broker/coordinators/records/transaction-state.ts'
import type { Message } from '../../src/wire/protocol/index.ts'
import { compareDefinition } from './compare-definition.ts'
import { kafkaVersion, loadDefinitions } from './kafka-definitions.ts'

const tables: [artifact: string, table: Message][] = [
  ['kafka-group-coordinator', offsetCommitKey],
  ['kafka-group-coordinator', offsetCommitValue],
  ['kafka-group-coordinator', groupMetadataKey],
  ['kafka-group-coordinator', groupMetadataValue],
  ['kafka-transaction-coordinator', transactionLogKey],
  ['kafka-transaction-coordinator', transactionLogValue],
]

describe(`our coordinators' records and the definitions of Kafka ${kafkaVersion}`, () => {
  const loaded = new Map<string, Awaited<ReturnType<typeof loadDefinitions>>>()

  beforeAll(async () => {
    for (const artifact of new Set(tables.map(([artifact]) => artifact))) {
      const definitions = await loadDefinitions(artifact)
      loaded.set(artifact, definitions)
      if ('missing' in definitions) console.warn(`\n*** SKIPPED: records of ${artifact}. ${definitions.missing}\n`)
    }
  })

  test.for(tables.map(([artifact, table]) => ({ artifact, table, name: table.name })))(
    '$name',
    ({ artifact, table }, ctx) => {
      const definitions = loaded.get(artifact)!
      if ('missing' in definitions) return ctx.skip(definitions.missing)
      expect(compareDefinition(table, definitions.get(table.name)!, false)).toEqual([])
    },
  )

  test('OffsetCommitKey was number 0 before, with the same fields', ctx => {
    const definitions = loaded.get('kafka-group-coordinator')!
    if ('missing' in definitions) return ctx.skip(definitions.missing)
    const legacy = definitions.get('LegacyOffsetCommitKey')!
    expect(legacy.apiKey).toBe(0)
    expect(compareDefinition(offsetCommitKey, { ...legacy, name: 'OffsetCommitKey', apiKey: 1 }, false)).toEqual([])
  })
})
