import { expect } from 'vitest'
import type { Cell, Place } from './cells.ts'
import type { KafkaTools } from './kafka-tools.ts'
import { jsonLines } from './kafka-tools-cells.ts'
import { readGroupWithKcat } from './kcat-reader.ts'
import { plain, writeRecords } from './library-cells.ts'
import { numbered } from './sample-records.ts'

/** Consumers in groups, and the tools that look after groups. */
export function groupCells(tools: KafkaTools): Cell[] {
  return [
    {
      operation: 'console consumer: in a group',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        const group = place.name('g')
        await writeRecords(place, topic, 'none', plain(numbered('v', 10)))
        const options = ['--topic', topic, '--group', group, '--from-beginning', '--max-messages']

        const first = await tools.run('consoleConsumer', place, [...options, '4'])
        const second = await tools.run('consoleConsumer', place, [...options, '3'])

        expect(valuesIn(first)).toEqual(numbered('v', 4))
        expect(valuesIn(second)).toEqual(['v4', 'v5', 'v6'])
        expect(await readGroupWithKcat(place, topic, group, 3)).toEqual(['v7', 'v8', 'v9'])
      },
    },
    {
      operation: 'verifiable consumer',
      needs: ['kcat'],
      run: async place => {
        const topic = await place.topic()
        const group = place.name('g')
        await writeRecords(place, topic, 'none', plain(numbered('v', 10)))
        const options = ['--topic', topic, '--group-id', group, '--max-messages', '6', '--verbose']

        const printed = await tools.run('verifiableConsumer', place, options)

        const events = jsonLines(printed)
        const values = events.filter(each => each.name === 'record_data').map(each => each.value)
        expect(values).toEqual(numbered('v', 6))
        expect(events.find(each => each.name === 'partitions_assigned')?.partitions).toEqual([{ topic, partition: 0 }])
        expect(await readGroupWithKcat(place, topic, group, 4)).toEqual(['v6', 'v7', 'v8', 'v9'])
      },
    },
    {
      operation: 'consumer-groups: list, describe',
      needs: ['kcat'],
      run: async place => {
        const { topic, group, groups } = await groupAt(tools, place, 3, 10)

        expect((await groups('--list')).split('\n')).toContain(group)
        const offsets = await groups('--describe', '--group', group)
        expect(offsets).toMatch(new RegExp(`^${group}\\s+${topic}\\s+0\\s+3\\s+10\\s+7\\s`, 'm'))
        const state = await groups('--describe', '--group', group, '--state')
        expect(state).toMatch(new RegExp(`^${group}\\s+127\\.0\\.0\\.1:\\d+\\s+\\(1\\).*\\sEmpty\\s+0`, 'm'))
      },
    },
    {
      operation: 'consumer-groups: members while they are there',
      run: async place => {
        const topic = await place.topic({ partitions: 2 })
        const group = place.name('g')
        const consumer = consumeUntil(tools, place, topic, group)

        const described = await consumer.meanwhile(() =>
          tools.run('consumerGroups', place, ['--describe', '--group', group, '--members', '--verbose']),
        )

        // 3.9 does not name the topic.
        expect(described).toMatch(new RegExp(`^${group}\\s.*\\s2\\s.*[:(]0,1`, 'm'))
      },
    },
    {
      operation: 'consumer-groups: reset-offsets',
      needs: ['kcat'],
      run: async place => {
        const { topic, group, groups } = await groupAt(tools, place, 5, 10)
        const reset = ['--reset-offsets', '--group', group, '--topic', topic]

        const plan = await groups(...reset, '--to-offset', '8', '--dry-run')
        await groups(...reset, '--shift-by', '-3', '--execute')

        expect(plan).toMatch(new RegExp(`${group}\\s+${topic}\\s+0\\s+8`, 'm'))
        expect(await readGroupWithKcat(place, topic, group, 8)).toEqual(numbered('v', 10).slice(2))
      },
    },
    {
      operation: 'consumer-groups: delete-offsets, delete',
      needs: ['kcat'],
      run: async place => {
        const { topic, group, groups } = await groupAt(tools, place, 5, 10)

        await groups('--delete-offsets', '--group', group, '--topic', topic)
        expect(await readGroupWithKcat(place, topic, group, 10)).toEqual(numbered('v', 10))

        const deleted = await groups('--delete', '--group', group)
        expect(deleted).toContain(`Deletion of requested consumer groups ('${group}') was successful`)
        expect((await groups('--list')).split('\n')).not.toContain(group)
      },
    },
    ...(tools.isAtLeast4
      ? [
          {
            operation: 'groups: list',
            needs: ['kcat' as const],
            run: async (place: Place) => {
              const { group } = await groupAt(tools, place, 1, 1)

              const printed = await tools.run('groups', place, ['--list'])

              expect(printed).toMatch(new RegExp(`^${group}\\s+Classic\\s+consumer`, 'm'))
            },
          },
        ]
      : []),
  ]
}

/** A group that has read so many of the records of a topic, and the tool for it. */
async function groupAt(tools: KafkaTools, place: Place, read: number, written: number) {
  const topic = await place.topic()
  const group = place.name('g')
  await writeRecords(place, topic, 'none', plain(numbered('v', written)))
  await readGroupWithKcat(place, topic, group, read)
  const groups = (...args: string[]) => tools.run('consumerGroups', place, args)
  return { topic, group, groups }
}

/** A console consumer that has both partitions and stays until what is done meanwhile is done; then it gets its last record. */
function consumeUntil(tools: KafkaTools, place: Place, topic: string, group: string) {
  return {
    meanwhile: async (act: () => Promise<string>): Promise<string> => {
      await writeRecords(place, topic, 'none', plain(['first']))
      const options = ['--topic', topic, '--group', group, '--from-beginning', '--max-messages', '2']
      const consumer = tools.run('consoleConsumer', place, options)
      consumer.catch(() => {}) // told below
      let seen = ''
      while (!seen.includes('0,1') && !place.signal.aborted) seen = await act()
      await writeRecords(place, topic, 'none', plain(['second']))
      expect(valuesIn(await consumer)).toEqual(['first', 'second'])
      return seen
    },
  }
}

/** The lines of a console consumer's output that are records. */
const valuesIn = (printed: string) => printed.split('\n').filter(line => /^(v\d+|first|second)$/.test(line))
