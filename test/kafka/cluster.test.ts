import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, inject, test } from 'vitest'
import { clusterFolder, openCluster, startCluster } from '../../scripts/kafka/cluster.mjs'
import { oldestKafka } from '../../scripts/kafka/versions.mjs'

const withKafka = test.skipIf(inject('kafka').kind !== 'own')

withKafka(
  "a cluster that cannot start says so with the end of the broker's log, and leaves nothing running",
  async () => {
    const folder = clusterFolder()
    const properties = { 'num.io.threads': 'many' }

    const starting = startCluster({ version: oldestKafka, folder, properties, ownedByThisProcess: true })

    await expect(starting).rejects.toThrow(
      /The end of .*node-1\.log:[\s\S]*Invalid value many for configuration num\.io\.threads/,
    )
    const cluster = openCluster(folder)
    expect(cluster.isRunning(1)).toBe(false)
    await cluster.down()
    expect(existsSync(folder)).toBe(false)
  },
)

withKafka('a cluster whose owner was killed is taken down by the next one that starts', async () => {
  const folder = clusterFolder()
  const script = `
    import { startCluster } from ${JSON.stringify(new URL('../../scripts/kafka/cluster.mjs', import.meta.url).href)}
    await startCluster({ version: '${oldestKafka}', folder: '${folder}', ownedByThisProcess: true })
    process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit', timeout: 60_000 })
  const abandoned = openCluster(folder)
  expect(abandoned.isRunning(1)).toBe(true)

  const other = await startCluster({ version: oldestKafka, ownedByThisProcess: true })

  expect(abandoned.isRunning(1)).toBe(false)
  expect(existsSync(folder)).toBe(false)
  await other.down()
})
