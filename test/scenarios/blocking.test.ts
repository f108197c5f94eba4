import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { builtCommand } from '../cli/built-command.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'
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

describeOnEachBroker(
  'Blocking sends',
  ({ kafka }) => {
    test(
      `${blocking} blocking sends with ${others} others in between, and the leader is killed meanwhile: none lost, doubled or out of order`,
      async () => {
        const topic = await kafka.createTopic({ partitions: 3 })
        const dist = dirname(dirname(await builtCommand()))
        const startedAt = performance.now()
        const args = [program, dist, kafka.bootstrapServers, topic, String(blocking), String(others)]
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 9 * 60_000 })
        const ended = once(child, 'exit')
        let lost: Promise<void> | undefined
        let result: Told | undefined
        for await (const line of createInterface({ input: child.stdout }))
          if (line === 'under way') lost = loseTheLeader(kafka, topic, 'killed', () => {})
          else result = JSON.parse(line) as Told
        const [exitCode] = await ended
        const seconds = (performance.now() - startedAt) / 1000
        await lost

        expect([exitCode, lost === undefined]).toEqual([0, false])
        const { told, retried, slowestMs } = result!
        const log: { number: number; place: string }[] = []
        if (kafka.embedded)
          for (const { value, partition, offset } of await kafka.readBack(topic))
            log.push({ number: Number(String(value)), place: `${partition}:${offset}` })
        else
          await scanWithConsoleConsumer(kafka.bootstrapServers, topic, ({ value, partition, offset }) =>
            log.push({ number: Number(value), place: `${partition}:${offset}` }),
          )
        const faults: string[] = []
        const placeOf = new Map<number, string>()
        const newestOfKey = new Map<number, number>()
        for (const { number, place } of log) {
          if (placeOf.has(number)) faults.push(`${number} is there twice: ${placeOf.get(number)} and ${place}`)
          placeOf.set(number, place)
          const key = number % 100
          if (number < (newestOfKey.get(key) ?? -1)) faults.push(`${number} is out of order at ${place}`)
          newestOfKey.set(key, number)
        }
        // Acknowledged, there, and at the very offset that was told; −1 where the broker had forgotten it.
        for (const [number, place] of told.entries())
          if (!/^\d+:(-1|\d+)$/.test(place)) faults.push(`${number} was not acknowledged: ${place}`)
          else if (placeOf.get(number) !== place && !place.endsWith(':-1'))
            faults.push(`${number} was told ${place} and is at ${placeOf.get(number) ?? 'no place'}`)
        if (isProof)
          console.log(
            `${kafka.version ?? kafka.kind}: ${told.length} records, ${blocking} of them blocked on, in ${seconds.toFixed(1)} s;`,
            `the leader was killed once; slowest ${slowestMs} ms, ${retried} sent again;`,
            `${log.length} in the log, ${faults.length} lost, doubled, out of order or told a wrong offset`,
          )
        expect(faults).toEqual([])
        expect(log).toHaveLength(blocking + others)
      },
      10 * 60_000,
    )
  },
  { stopsBrokers: true },
)
