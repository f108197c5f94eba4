#!/usr/bin/env node
// @ts-check
import { parseArgs } from 'node:util'
import { clusterFolder, openCluster, startCluster } from './cluster.mjs'
import { classPath } from './jars.mjs'
import { runTool, toolNames } from './java.mjs'
import { newestKafka } from './versions.mjs'

const usage = `A real Kafka for tests and trials, from the jars on Maven Central.

npm run kafka -- up [--version ${newestKafka}] [--nodes 1|3] [--no-auto-create] [--property name=value]...
npm run kafka -- status
npm run kafka -- down
npm run kafka -- stop-node <id> | kill-node <id> | start-node <id> | pause-node <id> | resume-node <id>
npm run kafka -- topic <name> [--partitions 1] [--property name=value]...
npm run kafka -- tool <Name> <arguments>...
npm run kafka -- fetch [--version ${newestKafka}]

Several clusters: give each command --name <name>.
Tools: ${toolNames.join(', ')}, or a full class name.
KAFKA_CACHE names the folder for the jars.`

const [command, ...rest] = process.argv.slice(2)

/** @type {Record<string, 'stopNode' | 'killNode' | 'startNode' | 'pauseNode' | 'resumeNode'>} */
const nodeCommands = {
  'stop-node': 'stopNode',
  'kill-node': 'killNode',
  'start-node': 'startNode',
  'pause-node': 'pauseNode',
  'resume-node': 'resumeNode',
}

try {
  if (command === 'tool') {
    const [name = '', ...args] = rest // what follows belongs to the tool
    await runTool(name, args, { timeoutMs: 24 * 3_600_000, onOutput: chunk => process.stdout.write(chunk) })
  } else {
    await run()
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run() {
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    allowNegative: true,
    options: {
      name: { type: 'string', default: 'default' },
      version: { type: 'string', default: newestKafka },
      nodes: { type: 'string', default: '1' },
      partitions: { type: 'string', default: '1' },
      property: { type: 'string', multiple: true, default: [] },
      'auto-create': { type: 'boolean', default: true },
    },
  })
  const folder = clusterFolder(values.name)
  const properties = Object.fromEntries(
    values.property.map(pair => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
  )
  const [argument = ''] = positionals
  const nodeCommand = nodeCommands[command ?? '']
  if (nodeCommand) return openCluster(folder)[nodeCommand](Number(argument))
  switch (command) {
    case 'up': {
      const { version } = values
      await startCluster({
        folder,
        version,
        nodes: Number(values.nodes),
        autoCreateTopics: values['auto-create'],
        properties,
      })
      return status(folder)
    }
    case 'status':
      return status(folder)
    case 'down':
      return openCluster(folder).down()
    case 'topic':
      return openCluster(folder).createTopic(argument, { partitions: Number(values.partitions), config: properties })
    case 'fetch':
      await classPath(values.version)
      return
    default:
      console.log(usage)
      process.exitCode = command === undefined || command === 'help' ? 0 : 2
  }
}

/** @param {string} folder */
function status(folder) {
  const cluster = openCluster(folder)
  const nodes = cluster.nodeIds.map(id => ({
    id,
    address: cluster.address(id),
    pid: cluster.isRunning(id) ? cluster.processId(id) : null,
    log: cluster.logFile(id),
  }))
  console.log(
    JSON.stringify({ version: cluster.version, bootstrapServers: cluster.bootstrapServers, folder, nodes }, null, 2),
  )
}
