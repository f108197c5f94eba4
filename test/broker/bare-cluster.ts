import { seededRandom } from '../../src/base/random.ts'
import type { Clock } from '../../src/base/time/clock.ts'
import { Cluster, type ClusterSettings } from '../../src/broker/cluster.ts'
import { Faults } from '../../src/broker/faults.ts'

/** A cluster of one broker without sockets, for tests of what its rooms decide. */
export function bareCluster(clock: Clock, settings: Partial<ClusterSettings> = {}): Cluster {
  const faults = new Faults(() => {
    throw new Error('no schedule is loaded here')
  })
  const chosen: ClusterSettings = {
    clusterId: 'c',
    clock,
    random: seededRandom(1),
    repeatable: true,
    autoCreateTopics: false,
    numPartitions: 1,
    brokerConfig: new Map(),
    versions: new Map(),
    unknownProducersMayBeginAnywhere: true,
    requestLogSize: 0,
    logDir: 'memory',
    maxRequestBytes: 1_000_000,
    groupInitialRebalanceDelayMs: 100,
    groupMaxSize: 100,
    release: '4.3',
    transactionVersion: 2,
    verifiesTransactions: true,
    transactionMarkerDelayMs: 50,
    replicationDelayMs: 0,
    sasl: null,
    quotas: [],
    telemetry: null,
    storage: null,
    maxMemoryBytes: 2 ** 30,
    warn: () => {},
    ...settings,
  }
  const cluster = new Cluster(chosen, faults)
  cluster.addNode({ id: 1, host: 'h', port: 1, running: true })
  return cluster
}
