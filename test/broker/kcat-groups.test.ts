import { spawn } from 'node:child_process'
import { once } from 'node:events'
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
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter(line => line !== ''))
    for (const resolve of waiting) resolve()
    waiting.clear()
  })
  return {
    lines,
    async until(count: number): Promise<void> {
      while (lines.length < count) await new Promise<void>(resolve => waiting.add(resolve))
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
  await first.until(2)
  expect(broker.groups()).toMatchObject([{ groupId: 'g', state: 'Stable', members: [{ clientId: 'rdkafka' }] }])
  await first.end()
  expect(broker.groups()).toMatchObject([{ state: 'Empty', offsets: [{ offset: 1n }, { offset: 1n }] }])
  await produce(broker, '2')
  const second = groupReader(broker)
  await second.until(2)
  expect(second.lines.sort()).toEqual(['0:2', '1:2'])
  await second.end()
})

test.skipIf(kcatVersion === null)('kcat as a static member that crashes comes back without a rebalance', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 2 } } })
  await produce(broker, '1')
  const first = groupReader(broker, 'i')
  await first.until(2)
  await first.end('SIGKILL')
  const again = lastSync(broker)
  const second = groupReader(broker, 'i')
  await again
  await produce(broker, '2')
  await second.until(2)
  expect(second.lines).toContain('0:2')
  expect(broker.groups()).toMatchObject([{ generationId: 1, members: [{ groupInstanceId: 'i' }] }])
  await second.end()
})
