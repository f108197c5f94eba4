import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { endOffsets } from '../../scripts/kafka/admin.mjs'
import { runTool } from '../../scripts/kafka/java.mjs'
import { createProducer } from '../../src/index.ts'
import { builtCommand } from '../cli/built-command.ts'
import { runCommand, startCommand } from '../cli/run-command.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'

let main: string
beforeAll(async () => {
  main = await builtCommand()
})

const last = 'the last record'

/** The committed records of partition 0, as Kafka's console consumer reads them: so many, and the last one, which must be there. */
async function readCommitted({ bootstrapServers }: BrokerUnderTest, topic: string, count: number) {
  const printed = await runTool('ConsoleConsumer', [
    ...['--bootstrap-server', bootstrapServers, '--topic', topic, '--partition', '0', '--offset', 'earliest'],
    ...['--isolation-level', 'read_committed', '--max-messages', String(count + 1), '--timeout-ms', '60000'],
  ])
  const values = String(printed).split('\n').filter(Boolean)
  expect(values.pop()).toBe(last)
  return values
}

describeOnEachBroker(
  'ottla produce in transactions',
  ({ kafka }) => {
    test('of two runs, one stopped and one with a bad record, the console consumer sees what was committed', async () => {
      const topic = await kafka.createTopic({ partitions: 1, config: { 'max.message.bytes': '2000' } })
      const id = `produce-${randomUUID()}`
      const flags = ['--transactional-id', id, '--records-per-transaction', '100', '--json']
      const args = ['produce', '-b', kafka.bootstrapServers, '-t', topic, ...flags]
      const lines = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`)
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

      // Two transactions, and 50 records of a third, all of them written.
      const stopped = startCommand(main, args)
      stopped.child.stdin.write(`${lines('stopped', 250).join('\n')}\n`)
      // A marker behind each of the two.
      while ((await endOffsets(kafka.bootstrapServers, topic))[0]! < 252)
        await new Promise(resolve => setTimeout(resolve, 50))
      stopped.child.kill('SIGINT')
      const interrupted = await stopped.ended

      const failing = startCommand(main, args)
      failing.child.stdin.write(`${lines('failing', 150).join('\n')}\n`)
      failing.child.stdin.end(`${'x'.repeat(5000)}\n`)
      const failed = await failing.ended

      const whole = startCommand(main, args)
      whole.child.stdin.end(lines('whole', 250).join('\n'))
      const complete = await whole.ended
      await producer.send({ topic, partition: 0, value: last })

      expect([interrupted.code, failed.code, complete.code]).toEqual([130, 1, 0])
      expect(JSON.parse(interrupted.stdout)).toMatchObject({ acknowledged: 200, aborted: 50, unknown: 0 })
      expect(JSON.parse(failed.stdout)).toMatchObject({ acknowledged: 100, aborted: 51, unknown: 0 })
      expect(JSON.parse(complete.stdout)).toMatchObject({ acknowledged: 250, transactions: { committed: 3 } })
      const committed = [...lines('stopped', 200), ...lines('failing', 100), ...lines('whole', 250)]
      expect(await readCommitted(kafka, topic, committed.length)).toEqual(committed)
      // The aborted ones of the first run are in the log all the same.
      const flagsOfTail = ['-b', kafka.bootstrapServers, '--from', 'beginning', '--no-follow']
      const all = await runCommand(main, ['tail', topic, ...flagsOfTail])
      expect(all.stdout.split('\n')).toEqual(expect.arrayContaining(lines('stopped', 250)))
    })
  },
  { oldestToo: true },
)
