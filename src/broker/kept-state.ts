import { type BrokerConfig, brokerConfigProblem } from './broker-config.ts'
import type { ClientQuotas } from './quotas/client-quotas.ts'
import { storedQuotas } from './quotas/quota-options.ts'
import type { StoredState, StoredTopic } from './storage/meta-file.ts'
import type { Topic } from './topic.ts'

/** What of a cluster is kept beside its records. The in-sync replicas are not: after a start all replicas have caught up. */
export function keptState(topics: readonly Topic[], config: BrokerConfig, quotas: ClientQuotas): StoredState {
  return {
    topics: topics.map(described),
    brokerConfig: {
      allBrokers: Object.fromEntries(config.entries('allBrokers')),
      broker: Object.fromEntries(config.entries('broker')),
    },
    quotas: storedQuotas(quotas),
  }
}

/** Takes over the configuration that was set while brokers ran, but for what this release does not take. */
export function restoreBrokerConfig(config: BrokerConfig, kept: StoredState['brokerConfig'], brokers: number): void {
  const known = (entries: Readonly<Record<string, string>>) =>
    new Map(Object.entries(entries).filter(([name, value]) => brokerConfigProblem(name, value) === null))
  config.set('allBrokers', known(kept.allBrokers))
  // The folder may come from a cluster of one, and three have no level for one of them.
  if (brokers === 1) config.set('broker', known(kept.broker))
}

function described({ name, id, isInternal, settings, partitions }: Topic): StoredTopic {
  return {
    name,
    id,
    internal: isInternal,
    config: Object.fromEntries(settings.entries()),
    partitions: partitions.map(({ replicas, leaderEpoch }) => ({ replicas, leaderEpoch })),
  }
}
