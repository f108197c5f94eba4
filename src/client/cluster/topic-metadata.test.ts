import { describe, expect, it } from 'vitest'
import { errorNumber } from '../../base/errors/index.ts'
import { isUsable, usableBrokers } from './broker-address.ts'
import { ClusterPicture } from './cluster-picture.ts'
import { type MetadataAnswer, mergeTopic, type TopicMetadata, whatIsMissing, zeroTopicId } from './topic-metadata.ts'

const idA = `${'A'.repeat(21)}Q`
const idB = `${'A'.repeat(21)}g`
const unknownTopic = errorNumber('UNKNOWN_TOPIC_OR_PARTITION')

type Row = [leader: number, epoch: number, error?: number]
const answered = (topicId: string, rows: Row[], errorCode = 0): MetadataAnswer['topics'][number] => ({
  errorCode,
  name: 't',
  topicId,
  isInternal: false,
  topicAuthorizedOperations: 0,
  partitions: rows.map(([leaderId, leaderEpoch, error = 0], partitionIndex) => ({
    errorCode: error,
    partitionIndex,
    leaderId,
    leaderEpoch,
    replicaNodes: [1, 2],
    isrNodes: [1],
    offlineReplicas: [],
  })),
})

const merge = (answer: MetadataAnswer['topics'][number], known?: TopicMetadata, version = 12) =>
  mergeTopic(answer, known, version, id => id <= 3)
const leaders = (topic: TopicMetadata) => topic.partitions.map(row => [row.leader, row.leaderEpoch])

describe('mergeTopic', () => {
  it('keeps the newer leader epoch of each partition', () => {
    const known = merge(answered(idA, [[1, 5], [2, 5]])) // biome-ignore format: rows
    const next = merge(answered(idA, [[3, 4], [3, 6]]), known) // biome-ignore format: rows
    expect(leaders(next)).toEqual([[1, 5], [3, 6]]) // biome-ignore format: rows
  })

  it('begins anew when the topic was deleted and created again: its epochs start at 0', () => {
    const known = merge(answered(idA, [[1, 50]]))
    const next = merge(answered(idB, [[2, 0]]), known)
    expect(next.id).toBe(idB)
    expect(leaders(next)).toEqual([[2, 0]])
  })

  it('takes a topic without ids for another one if it was unknown in between', () => {
    const known = merge(answered(zeroTopicId, [[1, 50]]), undefined, 9)
    expect(leaders(merge(answered(zeroTopicId, [[2, 0]]), known, 9))).toEqual([[1, 50]])
    const gone = merge(answered(zeroTopicId, [], unknownTopic), known, 9)
    expect(leaders(merge(answered(zeroTopicId, [[2, 0]]), gone, 9))).toEqual([[2, 0]])
  })

  it('keeps a known id when another broker is too old to tell it', () => {
    const known = merge(answered(idA, [[1, 5]]))
    expect(merge(answered(zeroTopicId, [[2, 6]]), known, 9)).toMatchObject({ id: idA, partitions: [{ leader: 2 }] })
  })

  it('keeps what was known where an answer has only an error', () => {
    const known = merge(answered(idA, [[1, 5]]))
    const next = merge(answered(zeroTopicId, [], unknownTopic), known)
    expect(next.error?.name).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(leaders(next)).toEqual([[1, 5]])
    expect(next.id).toBe(idA)
  })

  it('does not shrink a topic', () => {
    const known = merge(answered(idA, [[1, 5], [2, 5]])) // biome-ignore format: rows
    expect(leaders(merge(answered(idA, [[3, 6]]), known))).toEqual([[3, 6], [2, 5]]) // biome-ignore format: rows
  })

  it('believes no epoch before Metadata v9', () => {
    const known = merge(answered(idA, [[1, 5]]))
    expect(leaders(merge(answered(idA, [[2, 3]]), known, 8))).toEqual([[2, -1]])
  })

  it('has no leader where the leader is no broker of the cluster', () => {
    const topic = merge(answered(idA, [[9, 1]]))
    expect(topic.partitions[0]).toMatchObject({ leader: -1, error: { name: 'LEADER_NOT_AVAILABLE' } })
    expect(whatIsMissing(topic)).toBe('t-0 has no leader')
  })

  it('passes over a missing replica', () => {
    const topic = merge(answered(idA, [[1, 1, errorNumber('REPLICA_NOT_AVAILABLE')]]))
    expect(topic.partitions[0]!.error).toBeUndefined()
    expect(whatIsMissing(topic)).toBeUndefined()
  })

  it.each([-1, 1, 2 ** 31 - 1])('ignores a partition numbered %i in a topic of one', partitionIndex => {
    const answer = answered(idA, [[1, 1]])
    const topic = merge({ ...answer, partitions: [{ ...answer.partitions[0]!, partitionIndex }] })
    expect(topic.partitions).toHaveLength(1)
    expect(topic.partitions[0]!.leader).toBe(-1)
  })
})

describe('broker addresses', () => {
  it.each([
    [0, 'a', 0],
    [0, 'a', 70000],
    [-1, 'a', 1],
    [0, '', 1],
    [0, 'a\r\nb', 1],
    [0, 'x'.repeat(100_000), 1],
  ])('broker %i at %s:%i is left out', (nodeId, host, port) => {
    expect(isUsable({ nodeId, host, port })).toBe(false)
    expect(usableBrokers([{ nodeId, host, port }]).size).toBe(0)
  })
})

describe('ClusterPicture', () => {
  const brokers = [1, 2].map(nodeId => ({ nodeId, host: 'h', port: nodeId, rack: null }))
  const answer = (topic: MetadataAnswer['topics'][number], of = brokers): MetadataAnswer => ({
    throttleTimeMs: 0,
    brokers: of,
    clusterId: null,
    controllerId: 1,
    topics: [topic],
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  })

  it('counts an answer without brokers as none', () => {
    const picture = new ClusterPicture()
    expect(picture.apply(answer(answered(idA, [[1, 1]]), []), 12, () => true)).toBeUndefined()
    expect(picture.topic('t')).toBeUndefined()
  })

  it('tells news once, and errors each time', () => {
    const picture = new ClusterPicture()
    const all = () => true
    expect(picture.apply(answer(answered(idA, [[1, 1]])), 12, all)).toMatchObject({ isNews: true, topics: [{}] })
    expect(picture.apply(answer(answered(idA, [[1, 1]])), 12, all)).toMatchObject({ isNews: false, topics: [] })
    const refused = answer(answered(idA, [], errorNumber('TOPIC_AUTHORIZATION_FAILED')))
    expect(picture.apply(refused, 12, all)).toMatchObject({ isNews: true, topics: [{}], missing: undefined })
    expect(picture.apply(refused, 12, all)).toMatchObject({ isNews: false, topics: [{}] })
  })

  it('ignores topics that nobody wants', () => {
    const picture = new ClusterPicture()
    picture.apply(answer(answered(idA, [[1, 1]])), 12, () => false)
    expect(picture.topic('t')).toBeUndefined()
  })

  it('takes a leader hint only where it is newer, and its broker is known or named', () => {
    const picture = new ClusterPicture()
    picture.apply(answer(answered(idA, [[1, 5]])), 12, () => true)
    expect(picture.applyLeaderHint('t', 0, 2, 5, [])).toBeUndefined()
    expect(picture.applyLeaderHint('t', 0, 3, 6, [])).toBeUndefined()
    expect(picture.applyLeaderHint('t', 1, 2, 6, [])).toBeUndefined()
    expect(picture.applyLeaderHint('t', 0, 3, 6, [{ nodeId: 3, host: 'h', port: 70000 }])).toBeUndefined()
    expect(picture.applyLeaderHint('t', 0, 3, 6, [{ nodeId: 3, host: 'h', port: 3 }])).toBeDefined()
    expect(picture.topic('t')!.partitions[0]).toMatchObject({ leader: 3, leaderEpoch: 6 })
    // An answer from before the hint does not undo it.
    picture.apply(answer(answered(idA, [[1, 5]])), 12, () => true)
    expect(picture.topic('t')!.partitions[0]).toMatchObject({ leader: 3, leaderEpoch: 6 })
  })

  it('forgets brokers and epochs, but no partition, when it starts over', () => {
    const picture = new ClusterPicture()
    picture.apply(answer(answered(idA, [[1, 5]])), 12, () => true)
    picture.startOver()
    expect(picture.brokers.size).toBe(0)
    picture.apply(answer(answered(idA, [[2, 0]])), 12, () => true)
    expect(picture.topic('t')!.partitions[0]).toMatchObject({ leader: 2, leaderEpoch: 0 })
  })
})
