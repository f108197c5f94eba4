import { expect } from 'vitest'
import { describeCluster } from '../../scripts/kafka/admin.mjs'
import { createProducer } from '../../src/index.ts'
import { readWithKcat } from '../kafka/read-back.ts'
import { type Cell, describeClient, type Place } from './cells.ts'
import { readGroupWithKcat, readValuesWithKcat } from './kcat-reader.ts'
import { ask, fromJson, type Library, type Operations, toJson } from './library.ts'
import { type Codec, type PlainRecord, readLog } from './log-reader.ts'
import { numbered, sampleRecords } from './sample-records.ts'

/** The rows of the libraries, in the order of the table. */
export function describeLibrary(library: Library): void {
  const does = (operation: keyof Operations) => library.operations.includes(operation)
  const cells: Cell[] = [
    ...library.writes.map(codec => produceCell(library, codec)),
    idempotentCell(library),
    ...library.reads.map(codec => consumeCell(library, codec)),
    ...(
      [
        'group',
        'share',
        'transactions',
        'copy',
        'createTopic',
        'configs',
        'offsets',
        'groups',
        'deleteRecords',
      ] as const
    )
      .filter(does)
      .map(operation => cellsOf[operation](library)),
    ...(does('transactions') ? [readCommittedCell(library)] : []),
  ]
  const { lacking = {} } = library
  describeClient(
    { ...library, table: 'clients', remarks: (library.lacks ?? []).map(each => `its API lacks ${each}`) },
    cells.map(cell => ({ ...cell, lacking: lacking[cell.operation] })),
  )
}

/** The names of the rows that other clients have as well. */
export const rows = {
  produce: (codec: Codec) => `produce: ${codec === 'none' ? 'not compressed' : codec}`,
  idempotent: 'produce: idempotent',
  consume: (codec: Codec) => `consume: ${codec === 'none' ? 'not compressed' : codec}`,
  readCommitted: 'consume: read_committed',
  group: 'group: commit, leave, go on',
  share: 'group: two members share',
  transactions: 'transactions: commit, abort',
  copy: 'transactions: with offsets of a group',
  topics: 'admin: topics (create, grow, list, delete)',
  configs: 'admin: configs (describe, alter)',
  offsets: 'admin: offsets (first, next, by time)',
  groups: 'admin: groups (list, describe, offsets, delete)',
  deleteRecords: 'admin: delete records',
} as const

/** Without the empty value where the library makes null of it. */
const samplesFor = ({ lacks = [] }: Library) =>
  sampleRecords().filter(({ value }) => value?.length !== 0 || !lacks.includes('empty values'))

function produceCell(library: Library, codec: Codec): Cell {
  return {
    operation: rows.produce(codec),
    run: async place => {
      const topic = await place.topic()
      const records = samplesFor(library)

      await ask(library, 'produce', { topic, codec, idempotent: false, records: records.map(toJson) }, place)

      const batches = await readLog(place.bootstrapServers, topic)
      expect(batches.flatMap(batch => batch.records)).toEqual(records)
      expect(new Set(batches.map(batch => batch.codec))).toEqual(new Set([codec]))
    },
  }
}

function idempotentCell(library: Library): Cell {
  return {
    operation: rows.idempotent,
    run: async place => {
      const topic = await place.topic()
      const records = samplesFor(library)

      await ask(library, 'produce', { topic, codec: 'none', idempotent: true, records: records.map(toJson) }, place)

      const batches = await readLog(place.bootstrapServers, topic)
      expect(batches.flatMap(batch => batch.records)).toEqual(records)
      let sequence = 0
      for (const batch of batches) {
        expect(batch.producerId).toBeGreaterThanOrEqual(0n)
        expect(batch.baseSequence).toBe(sequence)
        sequence += batch.records.length
      }
    },
  }
}

function consumeCell(library: Library, codec: Codec): Cell {
  return {
    operation: rows.consume(codec),
    run: async place => {
      const topic = await place.topic()
      const records = sampleRecords()
      await writeRecords(place, topic, codec, records)
      const [first] = await readLog(place.bootstrapServers, topic)
      expect(first?.codec).toBe(codec)

      const task = { topic, group: place.name('g'), count: records.length, isolation: 'read_uncommitted' as const }
      const found = await ask(library, 'consume', task, place)

      expect(found.map(fromJson)).toEqual(records)
    },
  }
}

function readCommittedCell(library: Library): Cell {
  return {
    operation: rows.readCommitted,
    run: async place => {
      const topic = await place.topic()
      const values = [numbered('kept', 3), numbered('aborted', 3), numbered('kept too', 2)]
      await ask(library, 'transactions', { topic, transactionalId: place.name('x'), values }, place)
      const after = numbered('after', 1)
      await writeRecords(place, topic, 'none', plain(after))

      const task = { topic, group: place.name('g'), count: 6, isolation: 'read_committed' as const }
      const found = await ask(library, 'consume', task, place)

      const wanted = [...values[0]!, ...values[2]!, ...after]
      expect(found.map(each => fromJson(each).value?.toString())).toEqual(wanted)
    },
  }
}

const cellsOf = {
  group: library => ({
    operation: rows.group,
    needs: ['kcat'],
    run: async place => {
      const topic = await place.topic()
      const group = place.name('g')
      const values = numbered('v', 10)
      await writeRecords(place, topic, 'none', plain(values))

      const found = await ask(library, 'group', { topic, group, count: 4 }, place)
      expect(found.slice(0, 4).map(each => fromJson(each).value?.toString())).toEqual(values.slice(0, 4))

      // It may have been given more at once, and have committed that too.
      const rest = values.slice(found.length)
      await writeRecords(place, topic, 'none', plain(['the end']))
      expect(await readGroupWithKcat(place, topic, group, rest.length + 1)).toEqual([...rest, 'the end'])
    },
  }),
  share: library => ({
    operation: rows.share,
    run: async place => {
      const partitions = 4
      const topic = await place.topic({ partitions })

      const members = await ask(library, 'share', { topic, group: place.name('g'), partitions }, place)

      expect(members).toHaveLength(2)
      expect(members.map(each => each.length)).toEqual([2, 2])
      expect(members.flat().sort()).toEqual([0, 1, 2, 3])
    },
  }),
  transactions: library => ({
    operation: rows.transactions,
    needs: ['kcat'],
    run: async place => {
      const topic = await place.topic()
      const values = [numbered('kept', 3), numbered('aborted', 3), numbered('kept too', 2)]

      await ask(library, 'transactions', { topic, transactionalId: place.name('x'), values }, place)

      expect(await readValuesWithKcat(place, topic, 'read_committed')).toEqual([...values[0]!, ...values[2]!])
      expect(await readValuesWithKcat(place, topic, 'read_uncommitted')).toEqual(values.flat())
      const batches = await readLog(place.bootstrapServers, topic)
      expect(batches.every(batch => batch.transactional)).toBe(true)
      expect(batches.filter(batch => batch.control)).toHaveLength(3)
    },
  }),
  copy: library => ({
    operation: rows.copy,
    needs: ['kcat'],
    run: async place => {
      const source = await place.topic()
      const target = await place.topic()
      const group = place.name('g')
      const values = numbered('v', 5)
      await writeRecords(place, source, 'none', plain(values))

      await ask(library, 'copy', { source, target, group, transactionalId: place.name('x'), count: 5 }, place)

      expect(await readValuesWithKcat(place, target, 'read_committed')).toEqual(values)
      await writeRecords(place, source, 'none', plain(['the rest']))
      expect(await readGroupWithKcat(place, source, group, 1)).toEqual(['the rest'])
    },
  }),
  createTopic: library => ({
    operation: rows.topics,
    run: async place => {
      const topic = place.name('t')
      const config = { 'max.message.bytes': '4321' }
      const morePartitions = library.lacks?.includes('growing topics') ? 2 : 5

      const answer = await ask(library, 'createTopic', { topic, partitions: 2, config, morePartitions }, place)

      expect(answer).toEqual({ listed: true, partitions: morePartitions })
      const { partitions } = await describeCluster(place.bootstrapServers, topic)
      expect(partitions.map(each => each.partition)).toEqual([0, 1, 2, 3, 4].slice(0, morePartitions))

      await ask(library, 'deleteTopic', { topic }, place)

      await expect(describeCluster(place.bootstrapServers, topic)).rejects.toThrow('error 3') // UNKNOWN_TOPIC_OR_PARTITION
    },
  }),
  configs: library => ({
    operation: rows.configs,
    run: async place => {
      const topic = await place.topic({ config: { 'retention.ms': 86_400_000 } })

      const answer = await ask(library, 'configs', { topic, name: 'retention.ms', value: '3600000' }, place)

      expect(answer).toEqual({ before: '86400000', after: '3600000' })
    },
  }),
  offsets: library => ({
    operation: rows.offsets,
    run: async place => {
      const topic = await place.topic()
      const records = plain(numbered('v', 10)).map((record, at) => ({ ...record, timestamp: beginningMs + at * 1000 }))
      await writeRecords(place, topic, 'none', records)

      const answer = await ask(library, 'offsets', { topic, timestamp: beginningMs + 5500 }, place)

      expect(answer).toEqual({ earliest: 0, latest: 10, atTimestamp: 6 })
    },
  }),
  groups: library => ({
    operation: rows.groups,
    needs: ['kcat'],
    run: async place => {
      const topic = await place.topic()
      const group = place.name('g')
      await writeRecords(place, topic, 'none', plain(numbered('v', 3)))
      await readGroupWithKcat(place, topic, group, 3)

      const answer = await ask(library, 'groups', { topic, group }, place)

      expect(answer).toEqual({ listed: true, state: 'Empty', members: 0, committed: 3, listedAfterwards: false })
    },
  }),
  deleteRecords: library => ({
    operation: rows.deleteRecords,
    needs: ['kcat'],
    run: async place => {
      const topic = await place.topic()
      await writeRecords(place, topic, 'none', plain(numbered('v', 10)))

      await ask(library, 'deleteRecords', { topic, before: 7 }, place)

      expect((await readWithKcat(place.bootstrapServers, topic)).map(each => each.offset)).toEqual([7, 8, 9])
    },
  }),
} satisfies Partial<Record<keyof Operations, (library: Library) => Cell>>

const beginningMs = Date.UTC(2026, 0, 1)

/** Records that are nothing but a value. */
export const plain = (values: readonly string[]): PlainRecord[] =>
  values.map(value => ({ key: null, value: Buffer.from(value), headers: [], timestamp: beginningMs }))

/** Written by our own producer, in one batch to partition 0, so that the client under test has not written what it reads. */
export async function writeRecords(
  { bootstrapServers }: Place,
  topic: string,
  compressionType: Codec,
  records: readonly PlainRecord[],
): Promise<void> {
  await using producer = createProducer({ bootstrapServers, compressionType, lingerMs: 20 })
  await Promise.all(
    records.map(({ headers, ...record }) => producer.send({ topic, partition: 0, ...record, headers: [...headers] })),
  )
}
