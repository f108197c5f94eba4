// @ts-check
// The few administrative requests that tests need, spoken without a JVM and without the client under test. Old versions of
// each API on purpose: every release from 2.1 to 4.x answers them, and their encoding is plain.
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const requestTimeoutMs = 20_000
const listOffsetsV2 = { key: 2, version: 2 }
const metadataV4 = { key: 3, version: 4 }
const createTopicsV2 = { key: 19, version: 2 }
const leaderNotAvailable = 5

/**
 * @typedef {{ id: number, host: string, port: number }} BrokerAddress
 * @typedef {{ partition: number, leader: number, replicas: number[], inSync: number[] }} PartitionState
 * @typedef {{ brokers: BrokerAddress[], controllerId: number, partitions: PartitionState[] }} ClusterState
 * @typedef {{ partitions?: number, replicationFactor?: number, assignment?: number[][],
 *   config?: Record<string, string | number | boolean> }} TopicOptions
 *   `assignment` lists the brokers of each partition, the preferred leader first; it takes the place of the two numbers.
 */

/**
 * What the first of these brokers that answers knows of the cluster, and of one topic.
 * @param {string} bootstrapServers
 * @param {string} [topic]
 * @returns {Promise<ClusterState>}
 */
export async function describeCluster(bootstrapServers, topic) {
  const body = [array(topic === undefined ? [] : [string(topic)]), int8(0)]
  const answer = await askAny(bootstrapServers, metadataV4, body)
  answer.int32() // throttle time
  const brokers = answer.array(() => {
    const broker = { id: answer.int32(), host: answer.string() ?? '', port: answer.int32() }
    answer.string() // rack
    return broker
  })
  answer.string() // cluster id
  const controllerId = answer.int32()
  const topics = answer.array(() => {
    const error = answer.int16()
    const name = answer.string()
    answer.int8() // internal or not
    const partitions = answer.array(() => {
      answer.int16() // an error here, such as "no leader", shows in the other fields
      const partition = answer.int32()
      const leader = answer.int32()
      return {
        partition,
        leader,
        replicas: answer.array(() => answer.int32()),
        inSync: answer.array(() => answer.int32()),
      }
    })
    return { error, name, partitions: partitions.sort((a, b) => a.partition - b.partition) }
  })
  const found = topics[0]
  if (found && found.error !== 0 && found.error !== leaderNotAvailable)
    throw new Error(`topic ${topic}: error ${found.error}`)
  return { brokers, controllerId, partitions: found?.partitions ?? [] }
}

/**
 * Creates a topic and waits until every broker knows a leader for each of its partitions.
 * @param {string} bootstrapServers
 * @param {string} name
 * @param {TopicOptions} [options]
 */
export async function createTopic(
  bootstrapServers,
  name,
  { partitions = 1, replicationFactor, assignment = [], config = {} } = {},
) {
  const { brokers, controllerId } = await describeCluster(bootstrapServers)
  const replicas = replicationFactor ?? Math.min(3, brokers.length)
  const topic = [
    string(name),
    int32(assignment.length > 0 ? -1 : partitions),
    int16(assignment.length > 0 ? -1 : replicas),
    array(assignment.map((ids, partition) => Buffer.concat([int32(partition), array(ids.map(int32))]))),
    array(Object.entries(config).map(([key, value]) => Buffer.concat([string(key), string(String(value))]))),
  ]
  const controller = brokers.find(broker => broker.id === controllerId) ?? brokers[0]
  const answer = await ask(`${controller?.host}:${controller?.port}`, createTopicsV2, [
    array([Buffer.concat(topic)]),
    int32(15_000),
    int8(0),
  ])
  answer.int32() // throttle time
  answer.array(() => {
    answer.string()
    const error = answer.int16()
    const message = answer.string()
    if (error !== 0) throw new Error(`topic ${name} was not created: error ${error}${message ? `, ${message}` : ''}`)
  })
  const wanted = assignment.length || partitions
  for (const { host, port } of brokers) {
    await until(`broker ${host}:${port} knows topic ${name}`, async () => {
      const known = await describeCluster(`${host}:${port}`, name).catch(() => undefined)
      return known?.partitions.length === wanted && known.partitions.every(({ leader }) => leader >= 0)
    })
  }
}

/**
 * How many offsets each partition of a topic has given out; at `read_committed` its last stable offset, where readers have to stop.
 * @param {string} bootstrapServers
 * @param {string} topic
 * @param {'read_uncommitted' | 'read_committed'} [isolation]
 * @returns {Promise<number[]>}
 */
export async function endOffsets(bootstrapServers, topic, isolation = 'read_uncommitted') {
  const { brokers, partitions } = await describeCluster(bootstrapServers, topic)
  return Promise.all(
    partitions.map(async ({ partition, leader }) => {
      const broker = brokers.find(each => each.id === leader)
      if (!broker) throw new Error(`${topic}-${partition} has no leader`)
      const newest = Buffer.concat([int32(partition), int64(-1n)])
      const level = int8(isolation === 'read_committed' ? 1 : 0)
      const body = [int32(-1), level, array([Buffer.concat([string(topic), array([newest])])])]
      const answer = await ask(`${broker.host}:${broker.port}`, listOffsetsV2, body)
      answer.int32() // throttle time
      let end = -1
      answer.array(() => {
        answer.string()
        answer.array(() => {
          answer.int32() // partition
          const error = answer.int16()
          if (error !== 0) throw new Error(`the end of ${topic}-${partition}: error ${error}`)
          answer.int64() // timestamp
          end = Number(answer.int64())
        })
      })
      return end
    }),
  )
}

/**
 * Asks again and again until something is so.
 * @param {string} what
 * @param {() => Promise<boolean>} isSo
 */
export async function until(what, isSo, timeoutMs = 60_000) {
  const deadline = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so after ${timeoutMs} ms: ${what}`)
    await delay(25)
  }
}

/**
 * @typedef {{ key: number, version: number }} Api
 * @param {string} bootstrapServers
 * @param {Api} api
 * @param {Buffer[]} body
 */
async function askAny(bootstrapServers, api, body) {
  const asked = new AbortController()
  const answers = bootstrapServers.split(',').map(address => ask(address.trim(), api, body, asked.signal))
  try {
    return await Promise.any(answers) // one of them may hang, or be gone
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors.map(each => each.message) : [error]
    throw new Error(`none of ${bootstrapServers} answers (${reasons.join('; ')})`)
  } finally {
    asked.abort()
  }
}

/**
 * One request on a connection of its own.
 * @param {string} address
 * @param {Api} api
 * @param {Buffer[]} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
function ask(address, { key, version }, body, signal) {
  const colon = address.lastIndexOf(':')
  const request = Buffer.concat([int16(key), int16(version), int32(1), string('ottla-test-setup'), ...body])
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(address.slice(colon + 1)), host: address.slice(0, colon), signal })
    const timer = setTimeout(
      () => socket.destroy(new Error(`${address} does not answer within ${requestTimeoutMs} ms`)),
      requestTimeoutMs,
    )
    let received = Buffer.alloc(0)
    socket.on('connect', () => socket.write(Buffer.concat([int32(request.length), request])))
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      resolve(new Answer(received.subarray(8))) // behind the length and the correlation id
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      reject(new Error(`${address} closed the connection without an answer`))
    })
  })
}

class Answer {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes
    this.position = 0
  }

  int8() {
    return this.bytes.readInt8(this.#pass(1))
  }

  int16() {
    return this.bytes.readInt16BE(this.#pass(2))
  }

  int32() {
    return this.bytes.readInt32BE(this.#pass(4))
  }

  int64() {
    return this.bytes.readBigInt64BE(this.#pass(8))
  }

  string() {
    const length = this.int16()
    if (length < 0) return null
    const start = this.#pass(length)
    return this.bytes.toString('utf8', start, start + length)
  }

  /**
   * @template T
   * @param {() => T} element
   */
  array(element) {
    /** @type {T[]} */
    const elements = []
    for (let left = this.int32(); left > 0; left--) elements.push(element())
    return elements
  }

  /** @param {number} length */
  #pass(length) {
    const start = this.position
    this.position += length
    return start
  }
}

/** @param {number} value */
const int8 = value => Buffer.from([value])

/** @param {number} value */
function int16(value) {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

/** @param {number} value */
function int32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** @param {bigint} value */
function int64(value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** @param {string} text */
const string = text => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])

/** @param {Buffer[]} elements */
const array = elements => Buffer.concat([int32(elements.length), ...elements])
