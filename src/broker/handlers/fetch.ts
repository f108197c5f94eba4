import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft, Writer } from '../../wire/protocol/index.ts'
import { baseOffsetAt } from '../../wire/protocol/records/batch-layout.ts'
import { readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { anyInjectedError, type Call, handler, throttled, topicOf } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { FetchContext } from '../fetch-session.ts'
import type { Partition, Topic } from '../topic.ts'
import { leaderError } from './leader-check.ts'
import { endpoints } from './produce.ts'

type Request = Body<typeof apis.fetch.request>
type Answer = Draft<typeof apis.fetch.response>
type Asked = Request['topics'][number]
type AskedPartition = Asked['partitions'][number]
type PartitionAnswer = Answer['responses'][number]['partitions'][number]

const none = Buffer.alloc(0)
const readCommitted = 1
/** Kafka's `fetch.max.bytes` of brokers: no answer has more records than this, but for a first batch that is larger. */
const mostBytes = 55 * 1024 * 1024
const notLeader = errorNumber('NOT_LEADER_OR_FOLLOWER')
const fenced = errorNumber('FENCED_LEADER_EPOCH')

/**
 * Reads batches, and waits for `minBytes` of them up to `maxWaitMs`; which partitions, the fetch session says.
 * Source: KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages.
 */
export const fetchHandler = handler('Fetch', apis.fetch, {
  targets: (body, cluster) =>
    cluster.fetchSessions.asked(body).flatMap(asked => {
      const topic = findTopic(cluster, asked)?.name ?? asked.topic
      return asked.partitions.map(({ partition }) => ({ topic, partition }))
    }),
  handle(call) {
    const { fetchSessions } = call.cluster
    const injected = anyInjectedError(call)
    if (injected && fetchSessions.asked(call.body).length === 0) return { errorCode: injected.code, responses: [] }
    const context = fetchSessions.open(call)
    if (typeof context === 'string') return { errorCode: errorNumber(context), responses: [] }
    const reading = { ...call, body: { ...call.body, ...withinQuota(call), topics: [...context.topics] } }
    const finish = (answer: Answer) => finished(call, context, answer)
    return enough(reading) ? finish(read(reading)) : waitFor(reading).then(finish)
  },
})

/** What would be throttled however long the client had waited before is not read. Source: KafkaApis.handleFetchRequest. */
function withinQuota(call: Call<Request>): { maxBytes?: number; minBytes?: number } {
  const { body, cluster } = call
  const most = cluster.throttling.mostBytes('consumer_byte_rate', call)
  return most < body.maxBytes ? { maxBytes: most, minBytes: Math.min(body.minBytes, most) } : {}
}

/** A client that is beyond its quota gets no records now. Source: KafkaApis.handleFetchRequest, processResponseCallback. */
function finished(call: Call<Request>, context: FetchContext, answer: Answer): Answer {
  const { throttling } = call.cluster
  // To know its size the answer is encoded: not for those who have no quota.
  if (throttling.mostBytes('consumer_byte_rate', call) === Number.POSITIVE_INFINITY) return context.finish(answer)
  const writer = new Writer()
  apis.fetch.response.write(writer, context.news(answer) as never, call.version)
  // With the correlation id, as FetchResponse.sizeOf counts.
  const throttleMs = throttling.offerBytes('consumer_byte_rate', call, writer.written().length + 4)
  return throttleMs > 0 ? { ...context.empty, ...throttled(call, throttleMs) } : context.finish(answer)
}

const findTopic = (cluster: Cluster, asked: Asked): Topic | undefined =>
  topicOf(cluster, asked.topic === '', { topicId: asked.topicId, name: asked.topic })

/** Whether there is something to answer now: enough bytes, or an error that waiting does not mend. */
function enough(call: Call<Request>): boolean {
  const { body, cluster } = call
  if (body.maxWaitMs <= 0 || body.minBytes <= 0 || body.topics.length === 0) return true
  let bytes = 0
  for (const asked of body.topics) {
    const topic = findTopic(cluster, asked)
    for (const one of asked.partitions) {
      const partition = topic?.partitions[one.partition]
      if (!partition || errorFor(call, topic!.name, partition, one) !== 0) return true
      bytes += availableBytes(partition, one.fetchOffset, body)
      if (bytes >= body.minBytes) return true
    }
  }
  return false
}

/** Up to the last stable offset for a reader of committed records, so that it is not woken by what it may not see. */
function availableBytes(partition: Partition, offset: bigint, { isolationLevel, minBytes }: Request): number {
  const { log, lastStableOffset } = partition
  if (isolationLevel !== readCommitted || lastStableOffset === log.highWatermark)
    return log.availableBytes(offset, minBytes)
  let bytes = 0
  for (let at = offset; at < lastStableOffset && bytes < minBytes; ) {
    const found = stableOnly(log.read(at, minBytes, true), lastStableOffset)
    if (found.length === 0) break
    for (const batch of found) bytes += batch.length
    at = endOffsetOf(found.at(-1)!)
  }
  return bytes
}

/** A transaction begins with a batch, so the last stable offset never lies within one. */
const stableOnly = (batches: Buffer[], lastStableOffset: bigint) =>
  batches.filter(batch => batch.readBigInt64BE(baseOffsetAt) < lastStableOffset)

/** The offset behind a batch's last record. */
function endOffsetOf(batch: Buffer): bigint {
  const { baseOffset, lastOffsetDelta } = readBatchHeader(batch, 0)
  return baseOffset + BigInt(lastOffsetDelta) + 1n
}

function waitFor(call: Call<Request>): Promise<Answer> {
  const { body, cluster } = call
  return new Promise(resolve => {
    const ends: (() => void)[] = []
    const finish = () => {
      for (const end of ends) end()
      resolve(read(call))
    }
    const look = () => {
      if (enough(call)) finish()
    }
    const timer = cluster.clock.schedule(finish, body.maxWaitMs)
    ends.push(() => timer.cancel(), call.onGone(finish))
    for (const asked of body.topics)
      for (const one of asked.partitions) {
        const partition = findTopic(cluster, asked)?.partitions[one.partition]
        if (partition) ends.push(partition.onChange(look))
      }
  })
}

function read(call: Call<Request>): Answer {
  const { body, cluster, version } = call
  const leaders = new Set<number>()
  const budget = { left: Math.min(body.maxBytes, mostBytes), first: true }
  const responses = body.topics.map(asked => {
    const topic = findTopic(cluster, asked)
    return {
      topic: asked.topic,
      topicId: asked.topicId,
      partitions: asked.partitions.map(one => {
        const answer = readPartition(call, asked, topic, one, budget)
        if (version >= 16 && answer.currentLeader) leaders.add(answer.currentLeader.leaderId ?? -1)
        return answer
      }),
    }
  })
  return { responses, ...(leaders.size > 0 && { nodeEndpoints: endpoints(cluster, leaders) }) }
}

function readPartition(
  call: Call<Request>,
  asked: Asked,
  topic: Topic | undefined,
  one: AskedPartition,
  budget: { left: number; first: boolean },
): PartitionAnswer {
  const partition = topic?.partitions[one.partition]
  if (!topic || !partition) {
    const unknown = !topic && asked.topic === '' ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
    return failure(one, errorNumber(unknown))
  }
  const errorCode = errorFor(call, topic.name, partition, one)
  if (errorCode !== 0) return failure(one, errorCode, partition)
  const { log, lastStableOffset } = partition
  const committedOnly = call.body.isolationLevel === readCommitted
  const found = log.read(one.fetchOffset, Math.min(one.partitionMaxBytes, budget.left), budget.first)
  const batches = committedOnly ? stableOnly(found, lastStableOffset) : found
  // Never null: librdkafka takes a null record set for a broken answer.
  const records = batches.length === 0 ? none : batches.length === 1 ? batches[0]! : Buffer.concat(batches)
  budget.left = Math.max(0, budget.left - records.length)
  if (records.length > 0) budget.first = false
  return {
    partitionIndex: one.partition,
    errorCode: 0,
    highWatermark: log.highWatermark,
    lastStableOffset,
    logStartOffset: log.startOffset,
    abortedTransactions: committedOnly ? abortedIn(partition, one.fetchOffset, batches) : null,
    records,
  }
}

/** What of the batches a reader has to skip. Source: UnifiedLog.addAbortedTransactions. */
function abortedIn(partition: Partition, from: bigint, batches: readonly Buffer[]) {
  const last = batches.at(-1)
  return last ? partition.producers.abortedBetween(from, endOffsetOf(last)) : []
}

function errorFor(call: Call<Request>, topic: string, partition: Partition, one: AskedPartition): number {
  const injected = anyInjectedError(call, topic, partition.index)
  if (injected) return injected.code
  const leader = leaderError(call, partition, one.currentLeaderEpoch)
  if (leader !== 0) return leader
  // Behind the high watermark there is nothing to see yet, which is no error. Source: LocalLog.read.
  const { startOffset, endOffset } = partition.log
  const inRange = one.fetchOffset >= startOffset && one.fetchOffset <= endOffset
  return inRange ? 0 : errorNumber('OFFSET_OUT_OF_RANGE')
}

function failure(one: AskedPartition, errorCode: number, partition?: Partition): PartitionAnswer {
  const hint = partition && (errorCode === notLeader || errorCode === fenced)
  return {
    partitionIndex: one.partition,
    errorCode,
    highWatermark: -1n,
    records: none,
    ...(hint && { currentLeader: { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch } }),
  }
}
