import { expect } from 'vitest'
import { describeCluster } from '../../scripts/kafka/admin.mjs'
import type { Cell, Place } from './cells.ts'
import type { KafkaTools } from './kafka-tools.ts'
import { jsonLines } from './kafka-tools-cells.ts'
import { readGroupWithKcat, readValuesWithKcat } from './kcat-reader.ts'
import { plain, writeRecords } from './library-cells.ts'
import { readLog } from './log-reader.ts'
import { runProgram } from './run-program.ts'
import { numbered } from './sample-records.ts'

/** Transactional producers, and the tool that looks after transactions. */
export function transactionCells(tools: KafkaTools): Cell[] {
  const transactions = (place: Place, ...args: string[]) => tools.run('transactions', place, args)
  return [
    {
      operation: 'producer-perf-test: transactional',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        const load = ['--topic', topic, '--num-records', '2000', '--record-size', '20', '--throughput', '4000']
        const id = ['--transactional-id', place.name('x'), '--transaction-duration-ms', '50']
        const props = ['--producer-props', `bootstrap.servers=${place.bootstrapServers}`]

        await tools.run('producerPerformance', place, [...load, ...id, ...props], { alone: true })

        expect(await readValuesWithKcat(place, topic, 'read_committed')).toHaveLength(2000)
        const batches = await readLog(place.bootstrapServers, topic)
        expect(batches.every(batch => batch.transactional)).toBe(true)
        expect(batches.filter(batch => batch.control).length).toBeGreaterThan(1)
      },
    },
    {
      operation: 'transactional message copier, with aborts',
      needs: ['kcat'],
      run: async place => {
        const source = await place.topic()
        const target = await place.topic()
        const group = place.name('g')
        await writeRecords(place, source, 'none', plain(numbered('v', 60)))
        const from = ['--input-topic', source, '--input-partition', '0', '--consumer-group', group]
        const to = ['--output-topic', target, '--transactional-id', place.name('x'), '--broker-list']
        const how = [
          '--max-messages',
          '60',
          '--transaction-size',
          '10',
          '--enable-random-aborts',
          '--use-group-metadata',
        ]

        const printed = await tools.run('messageCopier', place, [...from, ...to, place.bootstrapServers, ...how], {
          alone: true,
        })

        expect(jsonLines(printed).at(-1)).toMatchObject({ stage: 'ShutdownComplete', totalProcessed: 60, remaining: 0 })
        expect(await readValuesWithKcat(place, target, 'read_committed')).toEqual(numbered('v', 60))
        await writeRecords(place, source, 'none', plain(['the rest']))
        expect(await readGroupWithKcat(place, source, group, 1)).toEqual(['the rest'])
      },
    },
    {
      operation: 'console consumer: read_committed',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        await commitWithKcat(place, topic, place.name('x'), numbered('v', 3))
        await writeRecords(place, topic, 'none', plain(['v3']))
        const options = [
          '--topic',
          topic,
          '--from-beginning',
          '--max-messages',
          '4',
          '--isolation-level',
          'read_committed',
        ]

        const printed = await tools.run('consoleConsumer', place, options)

        expect(printed.split('\n').filter(line => /^v\d$/.test(line))).toEqual(numbered('v', 4))
      },
    },
    {
      operation: 'transactions: list, describe, describe-producers',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        const id = place.name('x')
        await commitWithKcat(place, topic, id, numbered('v', 3))
        const [batch] = await readLog(place.bootstrapServers, topic)

        const listed = await transactions(place, 'list')
        expect(listed).toMatch(new RegExp(`^${id}\\s+1\\s+${batch?.producerId}\\s+(CompleteCommit|PrepareCommit)`, 'm'))

        const described = await transactions(place, 'describe', '--transactional-id', id)
        expect(described).toMatch(new RegExp(`^1\\s+${id}\\s+${batch?.producerId}\\s+\\d+\\s+CompleteCommit\\s`, 'm'))

        const producers = await transactions(place, 'describe-producers', '--topic', topic, '--partition', '0')
        expect(producers).toMatch(new RegExp(`^${batch?.producerId}\\s+\\d+\\s+`, 'm'))
        expect(producers).toContain('None') // no transaction is open
      },
    },
    {
      operation: 'transactions: find-hanging',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        await commitWithKcat(place, topic, place.name('x'), numbered('v', 3))
        const [broker] = (await describeCluster(place.bootstrapServers)).brokers

        const printed = await transactions(place, 'find-hanging', '--broker-id', String(broker?.id))

        expect(printed).toMatch(/^Topic\s+Partition\s+ProducerId\s+ProducerEpoch/m)
        expect(printed).not.toContain(topic)
      },
    },
  ]
}

async function commitWithKcat({ bootstrapServers, signal }: Place, topic: string, id: string, values: string[]) {
  const args = ['-P', '-b', bootstrapServers, '-t', topic, '-X', `transactional.id=${id}`]
  await runProgram({ program: 'kcat', args, input: `${values.join('\n')}\n`, signal })
}
