import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { javaArguments } from '../../scripts/kafka/java.mjs'
import { isAtLeast } from '../../scripts/kafka/versions.mjs'
import type { Place } from './cells.ts'
import { runProgram } from './run-program.ts'

/** Where the releases keep their tools: 3.9 has some still in Scala's packages. */
const classes = (version: string) => {
  const moved = isAtLeast(version, '4') ? 'org.apache.kafka.tools' : undefined
  return {
    apiVersions: `${moved ?? 'kafka.admin'}.BrokerApiVersionsCommand`,
    cluster: 'org.apache.kafka.tools.ClusterTool',
    configs: 'kafka.admin.ConfigCommand',
    consoleConsumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
    consoleProducer: `${moved ?? 'kafka.tools'}.ConsoleProducer`,
    consumerGroups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
    consumerPerformance: 'org.apache.kafka.tools.ConsumerPerformance',
    deleteRecords: 'org.apache.kafka.tools.DeleteRecordsCommand',
    features: 'org.apache.kafka.tools.FeatureCommand',
    getOffsets: 'org.apache.kafka.tools.GetOffsetShell',
    groups: 'org.apache.kafka.tools.GroupsCommand', // 4.0
    leaderElection: 'org.apache.kafka.tools.LeaderElectionCommand',
    logDirs: 'org.apache.kafka.tools.LogDirsCommand',
    messageCopier: 'org.apache.kafka.tools.TransactionalMessageCopier',
    producerPerformance: 'org.apache.kafka.tools.ProducerPerformance',
    topics: 'org.apache.kafka.tools.TopicCommand',
    transactions: 'org.apache.kafka.tools.TransactionsCommand',
    verifiableConsumer: 'org.apache.kafka.tools.VerifiableConsumer',
    verifiableProducer: 'org.apache.kafka.tools.VerifiableProducer',
  }
}

export type ToolName = keyof ReturnType<typeof classes>

/** The command-line tools of one release of Kafka; each call is a Java process, as it is for whoever uses them. */
export class KafkaTools {
  readonly version: string

  constructor(version: string) {
    this.version = version
  }

  get isAtLeast4(): boolean {
    return isAtLeast(this.version, '4')
  }

  /** What the tool prints, errors too. `--bootstrap-server` comes first, unless `alone` says that the arguments are all. */
  async run(name: ToolName, place: Place, args: readonly string[], options: { input?: string; alone?: boolean } = {}) {
    const { input = '', alone = false } = options
    const server = alone ? [] : ['--bootstrap-server', place.bootstrapServers]
    const java = await javaArguments(this.version, classes(this.version)[name], [...server, ...args])
    const { stdout, stderr } = await runProgram({ program: 'java', args: java, input, signal: place.signal })
    return `${stdout}${stderr}`
  }
}

/** A file for as long as it is needed. */
export async function withFile<T>(content: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ottla-tools-'))
  try {
    const file = join(folder, 'file')
    await writeFile(file, content)
    return await use(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}
