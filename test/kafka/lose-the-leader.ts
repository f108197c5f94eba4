import { until } from '../../scripts/kafka/admin.mjs'
import type { Cluster } from '../../scripts/kafka/cluster.mjs'
import type { Broker } from '../../src/broker/index.ts'
import type { BrokerUnderTest } from './brokers-under-test.ts'

export type Loss = 'killed' | 'stopped' | 'hanging' | 'moved'

/** Takes partition 0 from its leader, says so, and has everything as before when it returns. */
export async function loseTheLeader(
  kafka: BrokerUnderTest,
  topic: string,
  loss: Loss,
  onLost: () => void,
): Promise<void> {
  if (kafka.embedded) await loseEmbeddedLeader(kafka.embedded, topic, loss, onLost)
  else if (kafka.cluster) await loseRealLeader(kafka.cluster, topic, loss, onLost)
  else throw new Error('these brokers cannot be stopped')
}

async function loseEmbeddedLeader(broker: Broker, topic: string, loss: Loss, onLost: () => void): Promise<void> {
  const { leader, replicas } = broker.partition(topic, 0)
  const other = replicas.find(id => id !== leader) ?? leader
  const lookedForLeader = broker.waitForRequest('Metadata', 60_000)
  if (loss === 'killed' || loss === 'stopped') {
    await broker.stop(leader)
    onLost()
    await lookedForLeader
    await broker.start(leader)
  } else {
    if (loss === 'hanging') broker.pause(leader)
    broker.moveLeader(topic, 0, other)
    onLost()
    await lookedForLeader
    broker.resume(leader)
  }
}

async function loseRealLeader(cluster: Cluster, topic: string, loss: Loss, onLost: () => void): Promise<void> {
  const leader = await cluster.leaderOf(topic)
  switch (loss) {
    case 'killed':
      await cluster.killNode(leader)
      onLost()
      await cluster.startNode(leader)
      break
    case 'stopped':
      await cluster.stopNode(leader)
      onLost()
      await cluster.startNode(leader)
      break
    case 'hanging':
      cluster.pauseNode(leader)
      onLost()
      await until('another broker leads', async () => ![leader, -1].includes(await cluster.leaderOf(topic)))
      cluster.resumeNode(leader)
      break
    case 'moved':
      await cluster.moveLeader(topic, 0)
      onLost()
  }
  await cluster.allInSync(topic)
}

/**
 * Kills a broker, whatever it leads, at once; it is started again meanwhile, and has caught up in these topics when this resolves.
 * The embedded broker, whose leaderships move at once, is started when the producer has looked for the new leaders.
 */
export async function killBroker(kafka: BrokerUnderTest, id: number, topics: readonly string[]): Promise<void> {
  const { embedded, cluster } = kafka
  if (embedded) {
    const lookedForLeader = embedded.waitForRequest('Metadata', 60_000)
    await Promise.all([embedded.stop(id), lookedForLeader])
    await embedded.start(id)
  } else if (cluster) {
    await cluster.killNode(id)
    await cluster.startNode(id)
    for (const topic of topics) await cluster.allInSync(topic)
  } else throw new Error('these brokers cannot be stopped')
}
