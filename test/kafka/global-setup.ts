import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { type Cluster, clusterFolder, startCluster } from '../../scripts/kafka/cluster.mjs'
import { hasKcat, missingForKafka } from '../../scripts/kafka/requirements.mjs'
import { newestKafka } from '../../scripts/kafka/versions.mjs'

/** Which Kafka the scenarios run on besides the embedded broker, as the global setup hands it to the test files. */
export type KafkaForTests =
  | { readonly kind: 'own'; readonly folder: string }
  | { readonly kind: 'given'; readonly bootstrapServers: string }
  | { readonly kind: 'none'; readonly why: string }

declare module 'vitest' {
  export interface ProvidedContext {
    kafka: KafkaForTests
  }
}

/**
 * Starts three brokers for the whole run and does not wait for them: the unit tests run meanwhile, and whoever needs the
 * cluster waits for it. A cluster that fails to start fails those tests, with the end of the broker's log.
 */
export default function setUp(project: TestProject): (() => Promise<void>) | undefined {
  const kafka = chooseKafka()
  project.provide('kafka', kafka)
  if (!hasKcat())
    shout([
      'SKIPPED: nothing is written or read with kcat, which is not installed.',
      "Kafka's console consumer reads instead, as far as it can.",
    ])
  if (kafka.kind === 'none')
    shout([
      'SKIPPED: no test of this run uses a real Kafka.',
      `Why: ${kafka.why}`,
      'These run on the embedded broker alone, or not at all:',
      ...suites().map(name => `  ${name.replace('.test.ts', '')}`),
    ])
  if (kafka.kind !== 'own') return undefined
  const starting = startCluster({
    version: newestKafka,
    nodes: 3,
    folder: kafka.folder,
    autoCreateTopics: false,
    ownedByThisProcess: true,
  }).catch(() => undefined) // the failure is in the cluster's description, where the tests find it
  return async () => {
    const cluster: Cluster | undefined = await starting
    await cluster?.down()
  }
}

function chooseKafka(): KafkaForTests {
  const { OTTLA_KAFKA, KAFKA_BOOTSTRAP } = process.env
  if (OTTLA_KAFKA === 'off') return { kind: 'none', why: 'OTTLA_KAFKA=off' }
  if (KAFKA_BOOTSTRAP) return { kind: 'given', bootstrapServers: KAFKA_BOOTSTRAP }
  const missing = missingForKafka()
  if (missing.length > 0) return { kind: 'none', why: missing.join('; ') }
  return { kind: 'own', folder: clusterFolder() }
}

const suites = () =>
  ['../scenarios/', '.']
    .flatMap(folder => readdirSync(fileURLToPath(new URL(folder, import.meta.url))))
    .filter(name => name.endsWith('.test.ts'))
    .sort()

/** Nobody may take a run that skipped something for one that checked everything. */
function shout(lines: readonly string[]): void {
  const width = Math.max(...lines.map(line => line.length))
  const edge = `+-${'-'.repeat(width)}-+`
  process.stderr.write(`\n${[edge, ...lines.map(line => `| ${line.padEnd(width)} |`), edge].join('\n')}\n\n`)
}
