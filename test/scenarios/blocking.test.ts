import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { builtCommand } from '../cli/built-command.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { loseTheLeader } from '../kafka/lose-the-leader.ts'
import { scanWithConsoleConsumer } from '../kafka/read-back.ts'

/** `npm run prove:blocking` has 10,000 blocking sends. */
const isProof = process.env.OTTLA_BLOCKING !== undefined
const blocking = Number(process.env.OTTLA_BLOCKING ?? 1_500)
const others = blocking / 2
const program = fileURLToPath(new URL('../blocking/mixes.js', import.meta.url))

interface Told {
  readonly told: readonly string[]
  readonly retried: number
  readonly slowestMs: number
}

/** Sends from a process of its own; `onUnderWay` is called when a quarter is done. */
async function mix(
  kafka: BrokerUnderTest,
  topic: string,
  blocking: number,
  onUnderWay: () => Promise<void>,
): Promise<Told & { exitCode: number | null }> {
  const dist = dirname(dirname(await builtCommand()))
  const args = [program, dist, kafka.bootstrapServers, topic, String(blocking), String(blocking / 2)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 9 * 60_000 })
  const ended = once(child, 'exit')
  let underWay: Promise<void> | undefined
  let result: Told | undefined
  for await (const line of createInterface({ input: child.stdout }))
    if (line === 'under way') underWay = onUnderWay()
    else result = JSON.parse(line) as Told
  const [exitCode] = await ended
  await underWay
  expect(underWay).toBeDefined()
  return { ...result!, exitCode }
}

interface Log {
  readonly count: number
  readonly faults: readonly string[]
}

/** Reads everything back, and compares it with what was told. */
async function readBack(kafka: BrokerUnderTest, topic: string, told: readonly string[]): Promise<Log> {
  const faults: string[] = []
  const placeOf = new Map<number, string>()
  const newestOfKey = new Map<number, number>()
  let count = 0
  const look = (number: number, place: string) => {
    count++
    if (placeOf.has(number)) faults.push(`${number} is there twice: ${placeOf.get(number)} and ${place}`)
    placeOf.set(number, place)
    const key = number % 100
    if (number < (newestOfKey.get(key) ?? -1)) faults.push(`${number} is out of order at ${place}`)
    newestOfKey.set(key, number)
  }
  if (kafka.kind === 'kafka' && kafka.cluster !== null)
    await scanWithConsoleConsumer(kafka.bootstrapServers, topic, ({ value, partition, offset }) =>
      look(Number(value), `${partition}:${offset}`),
    )
  else
    for (const { value, partition, offset } of await kafka.readBack(topic))
      look(Number(String(value)), `${partition}:${offset}`)
  // Acknowledged, there, and at the very offset that was told; −1 where the broker had forgotten it.
  for (const [number, place] of told.entries())
    if (!/^\d+:(-1|\d+)$/.test(place)) faults.push(`${number} was not acknowledged: ${place}`)
    else if (placeOf.get(number) !== place && !place.endsWith(':-1'))
      faults.push(`${number} was told ${place} and is at ${placeOf.get(number) ?? 'no place'}`)
  return { count, faults }
}

describeOnEachBroker(
  'Blocking sends',
  ({ kafka }) => {
    test(
      `${blocking} blocking sends with ${others} others in between, and the leader is killed meanwhile: none lost, doubled or out of order`,
      async () => {
        const topic = await kafka.createTopic({ partitions: 3 })
        const startedAt = performance.now()

        const { exitCode, told, retried, slowestMs } = await mix(kafka, topic, blocking, () =>
          loseTheLeader(kafka, topic, 'killed', () => {}),
        )

        const seconds = (performance.now() - startedAt) / 1000
        const { count, faults } = await readBack(kafka, topic, told)
        if (isProof)
          console.log(
            `${kafka.version ?? kafka.kind}: ${told.length} records, ${blocking} of them blocked on, in ${seconds.toFixed(1)} s;`,
            `the leader was killed once; slowest ${slowestMs} ms, ${retried} sent again;`,
            `${count} in the log, ${faults.length} lost, doubled, out of order or told a wrong offset`,
          )
        expect(faults).toEqual([])
        expect([exitCode, count]).toEqual([0, blocking + others])
      },
      10 * 60_000,
    )
  },
  { stopsBrokers: true },
)

describeOnEachBroker(
  'Blocking sends, all being well',
  ({ kafka }) => {
    test('sends that are blocked on, called back and awaited share one order, on old brokers too', async () => {
      const topic = await kafka.createTopic({ partitions: 3 })

      const { exitCode, told } = await mix(kafka, topic, 400, async () => {})

      expect([exitCode, await readBack(kafka, topic, told)]).toEqual([0, { count: 600, faults: [] }])
    }, 120_000)
  },
  { oldestToo: true },
)
