// @ts-check
import { randomBytes, randomUUID } from 'node:crypto'
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTopic, describeCluster, until } from './admin.mjs'
import { brokerProperties, dataFolder, usesZooKeeper, zooKeeperProperties } from './broker-properties.mjs'
import { classPath } from './jars.mjs'
import { javaArguments, runTool } from './java.mjs'
import { freePorts } from './ports.mjs'
import { beginning, end, isRunning, startDetached } from './processes.mjs'
import { missingForKafka } from './requirements.mjs'
import { newestKafka } from './versions.mjs'

const folderPrefix = 'ottla-kafka-'
const startTimeoutMs = 120_000

/**
 * @typedef {{ id: number, port: number, controllerPort: number }} NodeDescription
 * @typedef {{
 *   version: string
 *   folder: string
 *   nodes: NodeDescription[]
 *   zooKeeperPort: number | undefined
 *   autoCreateTopics: boolean
 *   properties: Record<string, string>
 *   classFolders: string[]
 *   owner: import('./processes.mjs').OwnProcess | undefined
 *   state: 'starting' | 'ready' | 'failed'
 *   failure: string | undefined
 * }} ClusterDescription
 *   `owner` is the process without which nobody needs the cluster any more.
 * @typedef {{
 *   version?: string
 *   nodes?: number
 *   folder?: string
 *   autoCreateTopics?: boolean
 *   properties?: Record<string, string>
 *   classFolders?: string[]
 *   ownedByThisProcess?: boolean
 * }} ClusterOptions
 */

/** The folder of a named cluster, wherever it was made; of a new one in memory where there is room, else on disk. */
export function clusterFolder(name = randomUUID().slice(0, 8)) {
  const folders = placesForFolders().map(place => join(place, folderPrefix + name))
  return folders.find(existsSync) ?? folders[0] ?? join(tmpdir(), folderPrefix + name)
}

/** @returns {string[]} */
function placesForFolders() {
  const places = [tmpdir()]
  try {
    accessSync('/dev/shm', constants.W_OK)
    const { bavail, bsize } = statfsSync('/dev/shm')
    if (bavail * bsize > 2 ** 30) places.unshift('/dev/shm') // containers often have 64 MiB there, too little
  } catch {
    // not this system, or not ours to write
  }
  return places
}

/**
 * Starts brokers and waits until each of them knows all the others. They go on running when this process ends.
 * @param {ClusterOptions} [options]
 */
export async function startCluster(options = {}) {
  const { version = newestKafka, nodes = 1, autoCreateTopics = true, properties = {}, classFolders = [] } = options
  const missing = missingForKafka(version)
  if (missing.length > 0) throw new Error(`Kafka cannot run here: ${missing.join('; ')}`)
  if (nodes > 1 && usesZooKeeper(version)) throw new Error(`Kafka ${version} is started with one node only`)
  await removeAbandonedClusters()
  const ports = await freePorts(2 * nodes + 1)
  /** @type {ClusterDescription} */
  const description = {
    version,
    folder: options.folder ?? clusterFolder(),
    nodes: Array.from({ length: nodes }, (_, i) => ({
      id: i + 1,
      port: ports[2 * i] ?? 0,
      controllerPort: ports[2 * i + 1] ?? 0,
    })),
    zooKeeperPort: usesZooKeeper(version) ? ports[2 * nodes] : undefined,
    autoCreateTopics,
    properties,
    classFolders,
    owner: options.ownedByThisProcess ? { pid: process.pid, began: beginning(process.pid) ?? '' } : undefined,
    state: 'starting',
    failure: undefined,
  }
  if (existsSync(description.folder)) throw new Error(`${description.folder} exists: take that cluster down first`)
  mkdirSync(description.folder, { recursive: true })
  const cluster = new Cluster(description)
  cluster.save()
  try {
    await classPath(version)
    await cluster.startEverything()
    description.state = 'ready'
    cluster.save()
    return cluster
  } catch (error) {
    description.state = 'failed'
    description.failure = error instanceof Error ? error.message : String(error)
    cluster.save()
    await cluster.endEverything() // the folder stays, for its logs, until somebody takes the cluster down
    throw error
  }
}

/**
 * A cluster that this or another process has started.
 * @param {string} folder
 */
export function openCluster(folder) {
  const file = join(folder, 'cluster.json')
  if (!existsSync(file)) throw new Error(`no cluster in ${folder}`)
  return new Cluster(JSON.parse(readFileSync(file, 'utf8')))
}

/**
 * A cluster that another process is starting, once it is ready.
 * @param {string} folder
 */
export async function openClusterWhenReady(folder) {
  await until(
    `the cluster in ${folder} is up`,
    async () => existsSync(join(folder, 'cluster.json')) && openCluster(folder).description.state !== 'starting',
    startTimeoutMs + 15 * 60_000, // the jars may have to be fetched first
  )
  const cluster = openCluster(folder)
  if (cluster.description.state === 'failed') throw new Error(cluster.description.failure)
  return cluster
}

/** Takes down the clusters whose owners were killed before they could do so themselves. */
export async function removeAbandonedClusters() {
  for (const place of placesForFolders()) {
    for (const name of readdirSync(place).filter(each => each.startsWith(folderPrefix))) {
      try {
        const cluster = openCluster(join(place, name))
        const { owner } = cluster.description
        if (owner && !isRunning(owner)) await cluster.down()
      } catch {
        // another process is making or removing this folder right now, or another user's process owns it
      }
    }
  }
}

export class Cluster {
  /** @param {ClusterDescription} description */
  constructor(description) {
    this.description = description
  }

  get version() {
    return this.description.version
  }

  get nodeIds() {
    return this.description.nodes.map(({ id }) => id)
  }

  /** The addresses of all brokers, whether they run or not. */
  get bootstrapServers() {
    return this.description.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')
  }

  /** @param {number} id */
  address(id) {
    const node = this.description.nodes.find(each => each.id === id)
    if (!node) throw new Error(`no node ${id} in ${this.description.folder}`)
    return `127.0.0.1:${node.port}`
  }

  /** @param {number} id */
  logFile(id) {
    return join(this.description.folder, `node-${id}.log`)
  }

  /**
   * The folder in which a broker keeps the segment files of a partition.
   * @param {number} id
   * @param {string} topic
   * @param {number} partition
   */
  partitionFolder(id, topic, partition) {
    return join(dataFolder(this.description, id), `${topic}-${partition}`)
  }

  /** @param {number} id */
  isRunning(id) {
    const own = this.#process(`node-${id}`)
    return own !== undefined && isRunning(own)
  }

  /** @param {number} id */
  processId(id) {
    return this.#process(`node-${id}`)?.pid
  }

  /**
   * @param {string} name
   * @param {import('./admin.mjs').TopicOptions} [options]
   */
  async createTopic(name, options) {
    await createTopic(this.bootstrapServers, name, options)
  }

  /** @param {string} topic */
  async partitions(topic) {
    return (await describeCluster(this.bootstrapServers, topic)).partitions
  }

  /**
   * The broker that leads a partition; −1 while there is none.
   * @param {string} topic
   */
  async leaderOf(topic, partition = 0) {
    return (await this.partitions(topic)).find(each => each.partition === partition)?.leader ?? -1
  }

  /**
   * Resolves when every replica of a topic is in sync again.
   * @param {string} topic
   */
  async allInSync(topic) {
    await until(`all replicas of ${topic} are in sync`, async () => {
      const partitions = await this.partitions(topic).catch(() => [])
      return (
        partitions.length > 0 &&
        partitions.every(each => each.leader >= 0 && each.inSync.length === each.replicas.length)
      )
    })
  }

  /**
   * Makes the next replica the leader of a partition; no broker stops for it.
   * @param {string} topic
   * @param {number} partition
   */
  async moveLeader(topic, partition) {
    const replicas = (await this.partitions(topic)).find(each => each.partition === partition)?.replicas ?? []
    const former = await this.leaderOf(topic, partition)
    const order = [...replicas.filter(id => id !== former), former]
    const plan = this.#file('reassignment.json')
    writeFileSync(plan, JSON.stringify({ version: 1, partitions: [{ topic, partition, replicas: order }] }))
    const server = ['--bootstrap-server', this.bootstrapServers]
    await runTool('ReassignPartitionsCommand', [...server, '--reassignment-json-file', plan, '--execute'])
    const preferred = ['--election-type', 'preferred', '--topic', topic, '--partition', String(partition)]
    await runTool('LeaderElectionCommand', [...server, ...preferred])
    await until(`${topic}-${partition} has moved`, async () => (await this.leaderOf(topic, partition)) === order[0])
  }

  /**
   * The level of a feature of the cluster, such as `transaction.version`, as one of its brokers knows it.
   * @param {string} name
   */
  async featureLevel(name, address = this.bootstrapServers) {
    const features = (await runTool('FeatureCommand', ['--bootstrap-server', address, 'describe'])).toString()
    const line = features.split('\n').find(each => each.startsWith(`Feature: ${name} `))
    const level = /FinalizedVersionLevel: (\d+)/.exec(line ?? '')?.[1]
    if (level === undefined) throw new Error(`Kafka ${this.version} has no feature ${name}:\n${features}`)
    return Number(level)
  }

  /**
   * Raises or lowers a feature of the cluster with Kafka's tool, and waits until every broker says so.
   * @param {string} name
   * @param {number} level
   */
  async setFeature(name, level) {
    const former = await this.featureLevel(name)
    if (former === level) return
    const way = level > former ? 'upgrade' : 'downgrade'
    await runTool('FeatureCommand', ['--bootstrap-server', this.bootstrapServers, way, '--feature', `${name}=${level}`])
    for (const id of this.nodeIds)
      await until(`broker ${id} has ${name} ${level}`, async () => {
        return (await this.featureLevel(name, this.address(id))) === level
      })
  }

  /**
   * Stops a broker in good order: its leaderships move away first.
   * @param {number} id
   */
  async stopNode(id) {
    await this.#end(`node-${id}`, 'SIGTERM')
  }

  /**
   * Kills a broker as a power cut would.
   * @param {number} id
   */
  async killNode(id) {
    await this.#end(`node-${id}`, 'SIGKILL')
  }

  /**
   * The broker hangs: its connections stay open, and nothing answers.
   * @param {number} id
   */
  pauseNode(id) {
    this.#signal(`node-${id}`, 'SIGSTOP')
  }

  /** @param {number} id */
  resumeNode(id) {
    this.#signal(`node-${id}`, 'SIGCONT')
  }

  /**
   * Starts a broker that was stopped or killed, and waits until it knows all brokers that run.
   * @param {number} id
   */
  async startNode(id) {
    if (!this.isRunning(id)) await this.#launchBroker(id)
    await this.#ready([id])
  }

  /** Ends every process of the cluster and removes its folder. */
  async down() {
    await this.endEverything()
    rmSync(this.description.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  async startEverything() {
    const { description, nodeIds } = this
    for (const node of description.nodes)
      writeFileSync(this.#file(`node-${node.id}.properties`), brokerProperties(description, node))
    if (usesZooKeeper(this.version)) await this.#launchZooKeeper()
    else await this.#format()
    for (const id of nodeIds) await this.#launchBroker(id)
    await this.#ready(nodeIds)
  }

  async endEverything() {
    await Promise.all(this.nodeIds.map(id => this.#end(`node-${id}`, 'SIGKILL')))
    await this.#end('zookeeper', 'SIGKILL')
  }

  save() {
    const file = this.#file('cluster.json')
    writeFileSync(`${file}.new`, JSON.stringify(this.description, null, 2))
    renameSync(`${file}.new`, file) // others read it at any time, and must never find half of it
  }

  /** Kafka's tool prepares the folder of one node; the others' differ in two identities only, and a JVM takes a second. */
  async #format() {
    const [model, ...others] = this.nodeIds
    if (model === undefined) return
    const config = this.#file(`node-${model}.properties`)
    await runTool('kafka.tools.StorageTool', ['format', '-t', newUuid(), '-c', config], { version: this.version })
    for (const id of others) {
      const folder = dataFolder(this.description, id)
      cpSync(dataFolder(this.description, model), folder, { recursive: true })
      const identity = join(folder, 'meta.properties')
      const lines = readFileSync(identity, 'utf8').split('\n')
      const own = lines.map(line =>
        line.replace(/^node\.id=.*/, `node.id=${id}`).replace(/^directory\.id=.*/, `directory.id=${newUuid()}`),
      )
      writeFileSync(identity, own.join('\n'))
    }
  }

  async #launchZooKeeper() {
    const config = this.#file('zookeeper.properties')
    writeFileSync(config, zooKeeperProperties(this.description))
    await this.#launch('zookeeper', 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config, 128)
  }

  /** @param {number} id */
  async #launchBroker(id) {
    await this.#launch(`node-${id}`, 'kafka.Kafka', this.#file(`node-${id}.properties`), 512)
  }

  /**
   * @param {string} name
   * @param {string} mainClass
   * @param {string} config
   * @param {number} heapMiB
   */
  async #launch(name, mainClass, config, heapMiB) {
    const { classFolders } = this.description
    const args = await javaArguments(this.version, mainClass, [config], { heapMiB, classFolders })
    const started = startDetached('java', args, { logFile: this.#file(`${name}.log`), folder: this.description.folder })
    writeFileSync(this.#file(`${name}.pid`), JSON.stringify(started))
  }

  /** @param {number[]} ids */
  async #ready(ids) {
    const running = this.nodeIds.filter(id => this.isRunning(id)).length
    for (const id of ids) {
      const answers = async () => {
        if (!this.isRunning(id)) throw new Error(`broker ${id} of Kafka ${this.version} ended.\n${this.#endOfLog(id)}`)
        const known = await describeCluster(this.address(id)).catch(() => undefined)
        return (known?.brokers.length ?? 0) >= running
      }
      await until(`broker ${id} knows ${running} brokers`, answers, startTimeoutMs).catch(error => {
        if (!this.isRunning(id)) throw error
        throw new Error(`${error.message}\n${this.#endOfLog(id)}`)
      })
    }
  }

  /** @param {number} id */
  #endOfLog(id) {
    const lines = readFileSync(this.logFile(id), 'utf8').trimEnd().split('\n')
    return [`The end of ${this.logFile(id)}:`, ...lines.slice(-30)].join('\n')
  }

  /** @param {string} name */
  #file(name) {
    return join(this.description.folder, name)
  }

  /**
   * @param {string} name
   * @returns {import('./processes.mjs').OwnProcess | undefined}
   */
  #process(name) {
    const file = this.#file(`${name}.pid`)
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  }

  /**
   * @param {string} name
   * @param {NodeJS.Signals} signal
   */
  #signal(name, signal) {
    const own = this.#process(name)
    if (!own || !isRunning(own)) throw new Error(`${name} does not run`)
    process.kill(own.pid, signal)
  }

  /**
   * @param {string} name
   * @param {'SIGTERM' | 'SIGKILL'} signal
   */
  async #end(name, signal) {
    const own = this.#process(name)
    if (own) await end(own, signal)
  }
}

/** Kafka's Uuid: 16 bytes in URL-safe Base64. It may not begin with a dash, or a tool takes it for an option. */
function newUuid() {
  return `k${randomBytes(16).toString('base64url').slice(1)}`
}
