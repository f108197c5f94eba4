// @ts-check
import { join } from 'node:path'
import { isAtLeast } from './versions.mjs'

/** From 3.0 on the tests run Kafka with KRaft; before, it needs ZooKeeper. */
export const usesZooKeeper = (/** @type {string} */ version) => !isAtLeast(version, '3.0')

/**
 * The server.properties of one broker, which in KRaft is a controller as well, so that any one of three may fail.
 * @param {import('./cluster.mjs').ClusterDescription} cluster
 * @param {import('./cluster.mjs').NodeDescription} node
 */
export function brokerProperties(cluster, node) {
  const replicas = Math.min(3, cluster.nodes.length)
  const minInSync = Math.max(1, replicas - 1)
  const client = `PLAINTEXT://127.0.0.1:${node.port}`
  const common = {
    'advertised.listeners': client,
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataFolder(cluster, node.id),
    'auto.create.topics.enable': cluster.autoCreateTopics,
    'num.partitions': 3,
    'default.replication.factor': replicas,
    'min.insync.replicas': minInSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minInSync,
    'transaction.state.log.num.partitions': 3,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500, // instead of 10 s
    'group.initial.rebalance.delay.ms': 0,
    // Small, since several brokers share one test machine; the cleaner alone would take 128 MiB.
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
  }
  // A killed broker loses its leaderships when its session ends: 4 s instead of 9 or 18 keep the failover tests short.
  const coordination = usesZooKeeper(cluster.version)
    ? {
        'broker.id': node.id,
        listeners: client,
        'zookeeper.connect': `127.0.0.1:${cluster.zooKeeperPort}`,
        'zookeeper.session.timeout.ms': 4000,
        'zookeeper.connection.timeout.ms': 30_000,
      }
    : {
        'node.id': node.id,
        'process.roles': 'broker,controller',
        listeners: `${client},CONTROLLER://127.0.0.1:${node.controllerPort}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'controller.listener.names': 'CONTROLLER',
        'controller.quorum.voters': cluster.nodes.map(each => `${each.id}@127.0.0.1:${each.controllerPort}`).join(','),
        'broker.session.timeout.ms': 4000,
        'broker.heartbeat.interval.ms': 500,
      }
  return propertiesText({ ...common, ...coordination, ...cluster.properties })
}

/**
 * @param {import('./cluster.mjs').ClusterDescription} cluster
 */
export function zooKeeperProperties(cluster) {
  return propertiesText({
    dataDir: join(cluster.folder, 'zookeeper'),
    clientPort: cluster.zooKeeperPort ?? -1,
    clientPortAddress: '127.0.0.1',
    tickTime: 1000,
    maxClientCnxns: 0,
  })
}

/**
 * @param {{ folder: string }} cluster
 * @param {number} id
 */
export function dataFolder(cluster, id) {
  return join(cluster.folder, `data-${id}`)
}

/** @param {Record<string, string | number | boolean>} properties */
function propertiesText(properties) {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
