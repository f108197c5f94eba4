// A process that speaks enough of Kafka's protocol for a producer, and acknowledges every record without storing it.
// It reads of each Produce request only what its answer needs, so that a benchmark measures the client and not the broker.
// Written by hand and apart from src/ on purpose: it must not share a mistake with what it measures.
//
//   node benchmarks/ack-only-broker.mjs --port 9092 --partitions 6 [--delay-ms 0] [--capture]
//
// Control, over IPC where it was forked (send 'totals'), else as lines on stdin: totals | reset | capture | quit.

import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    partitions: { type: 'string', default: '6' },
    'delay-ms': { type: 'string', default: '0' },
    capture: { type: 'boolean', default: false },
  },
})
const partitionCount = Number(options.partitions)
const delayMs = Number(options['delay-ms'])
const host = '127.0.0.1'
const brokerId = 1

const produceKey = 0
const metadataKey = 3
const findCoordinatorKey = 10
const apiVersionsKey = 18
const initProducerIdKey = 22

// key, min, max, first flexible version. Produce 0-2 and Fetch are advertised, not served: librdkafka decides by them
// whether a broker knows record batch v2 (rdkafka_feature.c), and would send old message sets without.
const apis = [
  [produceKey, 0, 13, 9],
  [1, 0, 11, 12],
  [metadataKey, 0, 13, 9],
  [findCoordinatorKey, 0, 3, 3],
  [apiVersionsKey, 0, 4, 3],
  [initProducerIdKey, 0, 5, 2],
]
const flexibleFrom = new Map(apis.map(([key, , , flexible]) => [key, flexible]))
const unsupportedVersion = 35
const unknownTopicId = 100

// The longest piece of a request that is read at once: a header, a topic's name, or a partition with its batch header.
const window = 1024
const batchHeaderBytes = 61
const largestFrame = 200 * 1024 * 1024

let totals = emptyTotals()
let lastProduce = null
let nextProducerId = 1000
/** By topic name: the next offset of each partition. */
const topics = new Map()
const topicNames = new Map()

function emptyTotals() {
  return {
    records: 0,
    batches: 0,
    requests: 0,
    batchBytes: 0,
    largestBatchBytes: 0,
    idempotentBatches: 0,
    perPartition: {},
    codecs: {},
    acks: {},
    versions: {},
    firstMs: 0,
    lastMs: 0,
  }
}

function topicOf(name) {
  let topic = topics.get(name)
  if (topic === undefined) {
    const id = createHash('sha256').update(name).digest().subarray(0, 16)
    topic = { name, id, nextOffsets: new Array(partitionCount).fill(0) }
    topics.set(name, topic)
    topicNames.set(id.toString('latin1'), name)
  }
  return topic
}

class Writer {
  constructor(size) {
    this.bytes = Buffer.allocUnsafe(size)
    this.at = 4 // the frame's length
  }
  room(size) {
    if (this.at + size <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.bytes.length + size))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }
  int8(value) {
    this.room(1)
    this.at = this.bytes.writeInt8(value, this.at)
  }
  int16(value) {
    this.room(2)
    this.at = this.bytes.writeInt16BE(value, this.at)
  }
  int32(value) {
    this.room(4)
    this.at = this.bytes.writeInt32BE(value, this.at)
  }
  int64(value) {
    this.int32(Math.floor(value / 2 ** 32))
    this.room(4)
    this.at = this.bytes.writeUInt32BE(value < 0 ? 0xffffffff : value % 2 ** 32, this.at)
  }
  varint(value) {
    this.room(5)
    let rest = value
    for (; rest > 127; rest >>>= 7) this.bytes[this.at++] = (rest & 127) | 128
    this.bytes[this.at++] = rest
  }
  raw(bytes) {
    this.room(bytes.length)
    this.at += bytes.copy(this.bytes, this.at)
  }
  string(value, flexible) {
    const length = value === null ? -1 : Buffer.byteLength(value)
    if (flexible) this.varint(length + 1)
    else this.int16(length)
    if (length <= 0) return
    this.room(length)
    this.at += this.bytes.write(value, this.at)
  }
  length(count, flexible) {
    if (flexible) this.varint(count + 1)
    else this.int32(count)
  }
  tags(flexible) {
    if (flexible) this.varint(0)
  }
  frame() {
    this.bytes.writeInt32BE(this.at - 4, 0)
    return this.bytes.subarray(0, this.at)
  }
}

/** The bytes of one connection as they arrive: some of a request at hand, the rest to come. */
class Connection {
  constructor(socket) {
    this.socket = socket
    this.chunk = Buffer.alloc(0)
    this.at = 0
    this.answers = []
    this.requests = this.serve()
    this.requests.next()
  }

  receive(chunk) {
    this.requests.next(chunk)
    if (this.answers.length === 0) return
    const bytes = this.answers.length === 1 ? this.answers[0] : Buffer.concat(this.answers)
    this.answers = []
    if (delayMs > 0) setTimeout(() => this.socket.write(bytes), delayMs)
    else this.socket.write(bytes)
  }

  /** Waits until `size` bytes lie together in the chunk. */
  *gather(size) {
    while (this.chunk.length - this.at < size) {
      const rest = this.chunk.subarray(this.at)
      const next = yield
      this.chunk = rest.length === 0 ? next : Buffer.concat([rest, next])
      this.at = 0
    }
  }

  *skip(size) {
    let left = size
    while (left > this.chunk.length - this.at) {
      left -= this.chunk.length - this.at
      this.chunk = yield
      this.at = 0
    }
    this.at += left
  }

  int16() {
    this.at += 2
    return this.chunk.readInt16BE(this.at - 2)
  }
  int32() {
    this.at += 4
    return this.chunk.readInt32BE(this.at - 4)
  }
  varint() {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.chunk[this.at++]
      value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw new Error('a varint of more than five bytes')
  }
  length(flexible) {
    return flexible ? this.varint() - 1 : this.int32()
  }
  string(flexible) {
    const length = flexible ? this.varint() - 1 : this.int16()
    if (length < 0) return null
    this.at += length
    return this.chunk.latin1Slice(this.at - length, this.at)
  }
  tags(flexible) {
    if (!flexible) return
    for (let left = this.varint(); left > 0; left--) {
      this.varint()
      this.at += this.varint()
    }
  }

  *serve() {
    for (;;) {
      yield* this.gather(4)
      const size = this.int32()
      if (size < 8 || size > largestFrame) throw new Error(`a request of ${size} bytes`)
      yield* this.gather(Math.min(size, window))
      const frameAt = this.at
      const key = this.int16()
      const version = this.int16()
      const correlationId = this.int32()
      const api = apis.find(([known]) => known === key)
      if (api === undefined) throw new Error(`API ${key} is not served`)
      const flexible = version >= flexibleFrom.get(key)
      if (key === produceKey) {
        if (options.capture && size <= window) {
          lastProduce = Buffer.alloc(4 + size)
          lastProduce.writeInt32BE(size)
          this.chunk.copy(lastProduce, 4, frameAt, frameAt + size)
        }
        this.string(false)
        this.tags(flexible)
        yield* this.produce(size - (this.at - frameAt), version, correlationId, flexible)
        continue
      }
      if (size > window) {
        this.at = frameAt
        yield* this.gather(size)
        this.at += 8
      }
      const end = this.at - 8 + size
      const answer = new Writer(1024)
      answer.int32(correlationId)
      if (key !== apiVersionsKey) answer.tags(flexible)
      this.string(false)
      this.tags(flexible)
      if (key === apiVersionsKey) answerApiVersions(answer, version)
      else if (key === metadataKey) answerMetadata(answer, version, flexible, this.metadataTopics(version, flexible))
      else if (key === initProducerIdKey) answerInitProducerId(answer, flexible)
      else if (key === findCoordinatorKey) answerFindCoordinator(answer, version, flexible)
      else throw new Error(`API ${key} is advertised and not served`)
      this.answers.push(answer.frame())
      this.at = end
    }
  }

  metadataTopics(version, flexible) {
    const count = this.length(flexible)
    if (count < 0 || (version === 0 && count === 0)) return [...topics.keys()]
    const names = []
    for (let index = 0; index < count; index++) {
      let id = null
      if (version >= 10) {
        id = this.chunk.latin1Slice(this.at, this.at + 16)
        this.at += 16
      }
      const name = this.string(flexible) ?? topicNames.get(id)
      if (name !== undefined) names.push(name)
      this.tags(flexible)
    }
    return names
  }

  *produce(size, version, correlationId, flexible) {
    if (version < 3) throw new Error(`Produce v${version} carries no record batches v2`)
    let left = size
    let from = this.at
    const used = () => {
      left -= this.at - from
      from = this.at
    }
    this.string(flexible) // transactional id
    const acks = this.int16()
    this.int32() // time-out
    const topicCount = this.length(flexible)
    used()
    const now = performance.now()
    if (totals.requests === 0) totals.firstMs = now
    totals.lastMs = now
    totals.requests++
    totals.acks[acks] = (totals.acks[acks] ?? 0) + 1
    totals.versions[version] = (totals.versions[version] ?? 0) + 1
    const answer = new Writer(512)
    answer.int32(correlationId)
    answer.tags(flexible)
    answer.length(topicCount, flexible)
    for (let topicsLeft = topicCount; topicsLeft > 0; topicsLeft--) {
      yield* this.gather(Math.min(left, window))
      from = this.at
      let name
      if (version >= 13) {
        const id = this.chunk.subarray(this.at, this.at + 16)
        this.at += 16
        name = topicNames.get(id.latin1Slice())
        answer.raw(id)
      } else {
        name = this.string(flexible)
        answer.string(name, flexible)
      }
      const topic = name === undefined ? undefined : topicOf(name)
      const count = this.length(flexible)
      answer.length(count, flexible)
      used()
      for (let partitionsLeft = count; partitionsLeft > 0; partitionsLeft--) {
        yield* this.gather(Math.min(left, window))
        from = this.at
        const partition = this.int32()
        let bytesLeft = this.length(flexible)
        used()
        let records = 0
        while (bytesLeft > 0) {
          yield* this.gather(batchHeaderBytes)
          const batchBytes = 12 + this.chunk.readInt32BE(this.at + 8)
          if (this.chunk[this.at + 16] !== 2 || batchBytes < batchHeaderBytes || batchBytes > bytesLeft)
            throw new Error(`no record batch v2 in partition ${partition} of ${name}`)
          records += this.chunk.readInt32BE(this.at + 57)
          noteBatch(this.chunk, this.at, batchBytes)
          yield* this.skip(batchBytes)
          bytesLeft -= batchBytes
          left -= batchBytes
        }
        if (flexible) {
          yield* this.gather(Math.min(left, window))
          from = this.at
          this.tags(true)
          used()
        }
        answer.int32(partition)
        answer.int16(topic === undefined ? unknownTopicId : 0)
        answer.int64(topic === undefined ? -1 : (topic.nextOffsets[partition] ?? 0))
        answer.int64(-1) // no append time
        if (version >= 5) answer.int64(0)
        if (version >= 8) {
          answer.length(0, flexible)
          answer.string(null, flexible)
        }
        answer.tags(flexible)
        if (topic !== undefined) {
          topic.nextOffsets[partition] = (topic.nextOffsets[partition] ?? 0) + records
          totals.records += records
          totals.perPartition[partition] = (totals.perPartition[partition] ?? 0) + records
        }
      }
      if (flexible) {
        yield* this.gather(Math.min(left, window))
        from = this.at
        this.tags(true)
        used()
      }
      answer.tags(flexible)
    }
    if (left > 0) {
      yield* this.gather(Math.min(left, window))
      from = this.at
      this.tags(flexible)
      used()
    }
    if (left !== 0) throw new Error(`a Produce v${version} request that leaves ${left} bytes`)
    answer.int32(0) // no throttling
    answer.tags(flexible)
    if (acks !== 0) this.answers.push(answer.frame())
  }
}

function noteBatch(bytes, at, batchBytes) {
  const codec = bytes[at + 22] & 7
  totals.batches++
  totals.batchBytes += batchBytes
  if (batchBytes > totals.largestBatchBytes) totals.largestBatchBytes = batchBytes
  if (bytes[at + 43] < 128) totals.idempotentBatches++ // producer ids are positive, -1 is none
  totals.codecs[codec] = (totals.codecs[codec] ?? 0) + 1
}

function answerApiVersions(answer, version) {
  const known = version <= 4
  const flexible = known && version >= 3
  answer.int16(known ? 0 : unsupportedVersion)
  answer.length(apis.length, flexible)
  for (const [key, min, max] of apis) {
    answer.int16(key)
    answer.int16(min)
    answer.int16(max)
    answer.tags(flexible)
  }
  if (known && version >= 1) answer.int32(0)
  answer.tags(flexible)
}

function answerMetadata(answer, version, flexible, names) {
  if (version >= 3) answer.int32(0)
  answer.length(1, flexible)
  answer.int32(brokerId)
  answer.string(host, flexible)
  answer.int32(server.address().port)
  if (version >= 1) answer.string(null, flexible)
  answer.tags(flexible)
  if (version >= 2) answer.string('ack-only', flexible)
  if (version >= 1) answer.int32(brokerId)
  answer.length(names.length, flexible)
  for (const name of names) {
    const topic = topicOf(name)
    answer.int16(0)
    answer.string(name, flexible)
    if (version >= 10) answer.raw(topic.id)
    if (version >= 1) answer.int8(0)
    answer.length(partitionCount, flexible)
    for (let partition = 0; partition < partitionCount; partition++) {
      answer.int16(0)
      answer.int32(partition)
      answer.int32(brokerId)
      if (version >= 7) answer.int32(0)
      for (let list = 0; list < 2; list++) {
        answer.length(1, flexible)
        answer.int32(brokerId)
      }
      if (version >= 5) answer.length(0, flexible)
      answer.tags(flexible)
    }
    if (version >= 8) answer.int32(-(2 ** 31))
    answer.tags(flexible)
  }
  if (version >= 8 && version <= 10) answer.int32(-(2 ** 31))
  if (version >= 13) answer.int16(0)
  answer.tags(flexible)
}

function answerInitProducerId(answer, flexible) {
  answer.int32(0)
  answer.int16(0)
  answer.int64(nextProducerId++)
  answer.int16(0)
  answer.tags(flexible)
}

function answerFindCoordinator(answer, version, flexible) {
  if (version >= 1) answer.int32(0)
  answer.int16(0)
  if (version >= 1) answer.string(null, flexible)
  answer.int32(brokerId)
  answer.string(host, flexible)
  answer.int32(server.address().port)
  answer.tags(flexible)
}

function control(command) {
  if (command === 'totals') return { ...totals, cpu: process.cpuUsage() }
  if (command === 'capture') return { capture: lastProduce?.toString('base64') ?? null }
  if (command === 'reset') {
    totals = emptyTotals()
    return { reset: true }
  }
  if (command === 'quit') process.exit(0)
  return { unknown: command }
}

const server = createServer({ noDelay: true }, socket => {
  const connection = new Connection(socket)
  socket.on('error', () => {})
  socket.on('data', chunk => {
    try {
      connection.receive(chunk)
    } catch (error) {
      console.error(`ack-only broker: ${error.message}; closing the connection`)
      socket.destroy()
    }
  })
})

server.listen(Number(options.port), host, () => {
  const { port } = server.address()
  if (process.send) process.send({ port })
  else console.log(`ack-only broker on ${host}:${port}, ${partitionCount} partitions a topic`)
})

if (process.send) {
  process.on('message', ({ id, command }) => process.send({ id, ...control(command) }))
  process.on('disconnect', () => process.exit(0))
} else {
  createInterface({ input: process.stdin }).on('line', line => console.log(JSON.stringify(control(line.trim()))))
}
