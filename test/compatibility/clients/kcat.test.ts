import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { readWithKcat } from '../../kafka/read-back.ts'
import { type Cell, describeClient, type Place } from '../cells.ts'
import { readGroupWithKcat, readValuesWithKcat } from '../kcat-reader.ts'
import { plain, rows, writeRecords } from '../library-cells.ts'
import { type Codec, codecs, readLog } from '../log-reader.ts'
import { runProgram } from '../run-program.ts'
import { numbered, sampleRecords } from '../sample-records.ts'

const said = spawnSync('kcat', ['-V'], { encoding: 'utf8' })
const found = /Version (\S+).*librdkafka (\S+)/.exec(said.stdout ?? '')

const kcat = async ({ bootstrapServers, signal }: Place, args: readonly string[], input: string | Buffer = '') =>
  (await runProgram({ program: 'kcat', args: ['-b', bootstrapServers, ...args], input, signal })).stdout.toString()

/** Enough lines, alike enough, that librdkafka keeps the compressed form. */
const lines = numbered('a value much like the others ', 500)

const produceCell = (codec: Codec): Cell => ({
  operation: rows.produce(codec),
  run: async place => {
    const topic = await place.topic()
    const folder = await mkdtemp(join(tmpdir(), 'ottla-kcat-'))
    const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, at) => ((at * 7) % 256) & 0xf3))
    try {
      await writeFile(join(folder, 'value'), bytes)
      const options = ['-P', '-t', topic, '-z', codec, '-X', 'linger.ms=50']
      await kcat(
        place,
        [...options, '-K', '|', '-H', 'name=värde'],
        lines.map((line, at) => `k${at}|${line}\n`).join(''),
      )
      await kcat(place, [...options, join(folder, 'value')])
    } finally {
      await rm(folder, { recursive: true })
    }

    const batches = await readLog(place.bootstrapServers, topic)
    const records = batches.flatMap(batch => batch.records)
    expect(new Set(batches.map(batch => batch.codec))).toEqual(new Set([codec]))
    expect(records.pop()).toMatchObject({ key: null, value: bytes, headers: [] })
    const keyed = records.map(({ key, value, headers }) => [key?.toString(), value?.toString(), headers])
    expect(keyed).toEqual(lines.map((line, at) => [`k${at}`, line, [['name', Buffer.from('värde')]]]))
  },
})

const consumeCell = (codec: Codec): Cell => ({
  operation: rows.consume(codec),
  run: async place => {
    const topic = await place.topic()
    const records = sampleRecords()
    await writeRecords(place, topic, codec, records)

    const read = await readWithKcat(place.bootstrapServers, topic)

    expect(read.map(({ key, value, headers, timestamp }) => ({ key, value, headers, timestamp }))).toEqual(records)
  },
})

const cells: Cell[] = [
  ...codecs.map(produceCell),
  {
    operation: rows.idempotent,
    run: async place => {
      const topic = await place.topic()

      await kcat(place, ['-P', '-t', topic, '-X', 'enable.idempotence=true'], `${lines.join('\n')}\n`)

      const batches = await readLog(place.bootstrapServers, topic)
      expect(batches.flatMap(batch => batch.records.map(record => record.value?.toString()))).toEqual(lines)
      let sequence = 0
      for (const batch of batches) {
        expect(batch.producerId).toBeGreaterThanOrEqual(0n)
        expect(batch.baseSequence).toBe(sequence)
        sequence += batch.records.length
      }
    },
  },
  ...codecs.map(consumeCell),
  {
    operation: rows.group,
    run: async place => {
      const topic = await place.topic()
      const group = place.name('g')
      await writeRecords(place, topic, 'none', plain(numbered('v', 10)))

      expect(await readGroupWithKcat(place, topic, group, 4)).toEqual(numbered('v', 4))

      expect(await readGroupWithKcat(place, topic, group, 6)).toEqual(numbered('v', 10).slice(4))
    },
  },
  {
    operation: rows.share,
    run: async place => {
      const topic = await place.topic({ partitions: 4 })
      const group = place.name('g')
      const shares: string[][] = [[], []]
      let share = (_: string[][]) => {}
      const shared = new Promise<string[][]>(resolve => {
        share = resolve
      })
      const member = (at: number) => {
        const onOutput = (printed: string) => {
          const last = printed.includes(' assigned: ') ? (printed.split(' assigned: ').at(-1) ?? '') : ''
          shares[at] = [...(last.split('\n')[0] ?? '').matchAll(/\[(\d)\]/g)].map(([, partition]) => partition ?? '')
          if (shares.every(each => each.length > 0) && shares.flat().length === 4) share([...shares])
        }
        const args = ['-b', place.bootstrapServers, '-X', 'session.timeout.ms=6000', '-X', 'heartbeat.interval.ms=200']
        // It tells of its assignment on standard error.
        const call = { program: 'sh', args: ['-c', 'exec kcat "$@" 2>&1', 'kcat', ...args, '-G', group, topic] }
        return runProgram({ ...call, signal: place.signal, onOutput, enough: shared })
      }

      await Promise.all([member(0), member(1)])

      expect((await shared).flat().sort()).toEqual(['0', '1', '2', '3'])
    },
  },
  {
    operation: 'transactions: commit',
    run: async place => {
      const topic = await place.topic()
      const values = numbered('kept', 3)

      await kcat(place, ['-P', '-t', topic, '-X', `transactional.id=${place.name('x')}`], `${values.join('\n')}\n`)

      expect(await readValuesWithKcat(place, topic, 'read_committed')).toEqual(values)
      const batches = await readLog(place.bootstrapServers, topic)
      expect(batches.every(batch => batch.transactional)).toBe(true)
      expect(batches.filter(batch => batch.control)).toHaveLength(1)
    },
  },
  {
    operation: 'metadata: list of brokers and topics',
    run: async place => {
      const topic = await place.topic({ partitions: 3 })

      const printed = await kcat(place, ['-L', '-J', '-t', topic])

      const { brokers, topics } = JSON.parse(printed)
      expect(brokers.map((each: { name: string }) => each.name)).toEqual(place.bootstrapServers.split(','))
      expect(topics).toHaveLength(1)
      expect(topics[0].topic).toBe(topic)
      expect(topics[0].partitions.map((each: { partition: number; leader: number }) => each.partition)).toEqual([
        0, 1, 2,
      ])
      expect((await kcat(place, ['-L'])).includes(`topic "${topic}" with 3 partitions`)).toBe(true)
    },
  },
  {
    operation: rows.offsets,
    run: async place => {
      const topic = await place.topic()
      const beginningMs = Date.UTC(2026, 0, 1)
      const records = plain(numbered('v', 10)).map((record, at) => ({ ...record, timestamp: beginningMs + at * 1000 }))
      await writeRecords(place, topic, 'none', records)

      const at = async (time: number) =>
        /offset (-?\d+)/.exec(await kcat(place, ['-Q', '-t', `${topic}:0:${time}`]))?.[1]

      expect([await at(-2), await at(-1), await at(beginningMs + 5500)]).toEqual(['0', '10', '6'])
    },
  },
]

describeClient(
  {
    name: 'kcat',
    version: found?.[1] ?? '1.7.1',
    remarks: found ? [`with librdkafka ${found[2]}`] : [],
    table: 'clients',
    missing: found ? undefined : 'kcat is not installed',
  },
  cells,
)
