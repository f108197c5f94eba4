import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { kcat, kcatVersion } from './kcat.ts'

/** A member of group `g` that prints `partition:value`, and its end. `static`: with this instance id. */
function groupReader(broker: Broker, instance?: string) {
  const args = ['-b', broker.bootstrapServers, '-q', '-u', '-f', '%p:%s\n', '-X', 'auto.offset.reset=earliest']
  if (instance) args.push('-X', `group.instance.id=${instance}`)
  const child = spawn('kcat', [...args, '-G', 'g', 'orders'], { timeout: 25_000, killSignal: 'SIGKILL' })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  // kcat -u writes a line in pieces: what arrives at once need not be a whole one.
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    for (const resolve of waiting) resolve()
    waiting.clear()
  })
  return {
    lines,
    /** Crashed readers had not committed all, so lines may come twice. */
    async until(...expected: string[]): Promise<void> {
      while (!expected.every(line => lines.includes(line))) await new Promise<void>(resolve => waiting.add(resolve))
    },
    async first(): Promise<string> {
      while (lines.length === 0) await new Promise<void>(resolve => waiting.add(resolve))
      return lines[0]!
    },
    /** SIGTERM leaves the group, SIGKILL is a crash. */
    async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
      const closed = once(child, 'close')
      child.kill(signal)
      await closed
    },
  }
}

const produce = async (broker: Broker, value: string) => {
  for (const partition of ['0', '1'])
    await kcat(broker.bootstrapServers, ['-P', '-t', 'orders', '-p', partition], `${value}\n`)
}

const lastSync = (broker: Broker) => broker.waitForRequest(({ api }) => api === 'SyncGroup', 20_000)

test.skipIf(kcatVersion === null)('kcat -G reads as a group, and goes on where it had stopped', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 2 } } })
  await produce(broker, '1')
  const first = groupReader(broker)
  await first.until('0:1', '1:1')
  expect(broker.groups()).toMatchObject([{ groupId: 'g', state: 'Stable', members: [{ clientId: 'rdkafka' }] }])
  await first.end()
  expect(broker.groups()).toMatchObject([{ state: 'Empty', offsets: [{ offset: 1n }, { offset: 1n }] }])
  await produce(broker, '2')
  const second = groupReader(broker)
  await second.until('0:2', '1:2')
  expect(second.lines.sort()).toEqual(['0:2', '1:2'])
  await second.end()
})

test.skipIf(kcatVersion === null)('kcat takes over from one that crashed, when its session has ended', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 2 } } })
  const readers = [groupReader(broker), groupReader(broker)] as const
  // Each has one partition: both have to print something for every round.
  while (broker.groups()[0]?.state !== 'Stable' || broker.groups()[0]?.members.length !== 2) await lastSync(broker)
  await produce(broker, '1')
  const firsts = await Promise.all(readers.map(reader => reader.first()))
  const [survivor, crashed] = readers
  const lost = broker.groups()[0]!.members.find(({ assigned }) => `${assigned![0]!.partitions[0]}:1` === firsts[1])!
  await crashed.end('SIGKILL')
  broker.expireSession('g', lost.memberId)
  await produce(broker, '2')
  await survivor.until('0:2', '1:2')
  expect(broker.groups()[0]!.members).toHaveLength(1)
  await survivor.end()
})

test.skipIf(kcatVersion === null)('kcat as a static member that crashes comes back without a rebalance', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 2 } } })
  await produce(broker, '1')
  const first = groupReader(broker, 'i')
  await first.until('0:1', '1:1')
  await first.end('SIGKILL')
  const again = lastSync(broker)
  const second = groupReader(broker, 'i')
  await again
  await produce(broker, '2')
  await second.until('0:2', '1:2')
  expect(broker.groups()).toMatchObject([{ generationId: 1, members: [{ groupInstanceId: 'i' }] }])
  await second.end()
})
