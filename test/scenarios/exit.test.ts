import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { builtCommand } from '../cli/built-command.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'

/** How often a process ends in each way; `npm run prove:exit` asks for 50. */
const times = Number(process.env.OTTLA_EXITS ?? 4)
const records = 1000
const program = fileURLToPath(new URL('../blocking/ends.js', import.meta.url))

interface Ending {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

async function end(how: string, kafka: BrokerUnderTest, topic: string, options: object): Promise<Ending> {
  const dist = dirname(dirname(await builtCommand()))
  const args = [program, dist, kafka.bootstrapServers, topic, how, String(records), JSON.stringify(options)]
  return await new Promise(resolve => {
    const child = execFile(process.execPath, args, { timeout: 60_000, killSignal: 'SIGKILL' }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr }),
    )
  })
}

/** Every number once, and per key in the order in which they were sent. */
function faultsIn(found: Awaited<ReturnType<BrokerUnderTest['readBack']>>): string[] {
  const faults: string[] = []
  const times = new Array<number>(records).fill(0)
  const newest = new Map<string, number>()
  for (const { key, value, partition, offset } of found) {
    const number = Number(String(value))
    times[number] = (times[number] ?? 0) + 1
    if (number < (newest.get(String(key)) ?? -1)) faults.push(`${number} is out of order at ${partition}:${offset}`)
    newest.set(String(key), number)
  }
  for (const [number, count] of times.entries()) if (count !== 1) faults.push(`${number} is there ${count} times`)
  return faults
}

/** How a process ends, and what whoever started it sees of that. */
const ends: [how: string, code: number | null, signal: string | null][] = [
  ['exit', 0, null],
  ['throw', 1, null],
  ['SIGTERM', null, 'SIGTERM'],
]

const furtherEnds: typeof ends = [
  ['return', 0, null],
  ['rejection', 1, null],
  ['SIGINT', null, 'SIGINT'],
  ['SIGHUP', null, 'SIGHUP'],
  // Without flushOnExit, by the program's own flush().get():
  ['exit-handler', 0, null],
  ['before-exit', 0, null],
  ['uncaught-handler', 3, null],
  ['signal-handler', 4, null],
]

describeOnEachBroker('A process that ends with records under way', ({ kafka }) => {
  test.each([
    ...ends.map(end => [...end, times] as const),
    ...furtherEnds.map(end => [...end, Math.ceil(times / 4)] as const),
  ])(
    `by %s: all ${records} are in the log, each once (exit code %s, signal %s; %d times)`,
    async (how, code, signal, count) => {
      for (let run = 0; run < count; run++) {
        const topic = await kafka.createTopic({ partitions: 3 })

        const ending = await end(how, kafka, topic, { warm: run % 2 === 1 })

        const { stdout, stderr } = ending
        expect([ending.code, ending.signal, stdout, stderr]).toEqual([code, signal, stdout, stderr])
        expect(faultsIn(await kafka.readBack(topic)), `${stdout}${stderr}`).toEqual([])
        // Nothing to report: and callbacks have been told, where the producer itself flushed at an exit.
        expect(stderr).not.toContain('ottla:')
        if (how === 'exit' || how === 'throw') expect(stdout).toBe(`told ${records}, failed 0\n`)
      }
    },
    10 * 60_000,
  )

  test('without flushOnExit what is under way is lost: this proves something', async () => {
    const topic = await kafka.createTopic({ partitions: 3 })
    await end('exit', kafka, topic, { flushOnExit: false })
    expect(await kafka.readBack(topic)).toHaveLength(0)
  })
})
