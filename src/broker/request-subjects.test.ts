import { describe, expect, test } from 'vitest'
import { groupsOf, targetsOf, transactionalIdsOf } from './request-subjects.ts'

const nobody = { topicById: () => undefined }

describe('the transactional id is found', () => {
  test.each([
    ['Produce', { transactionalId: 'tx' }],
    ['AddPartitionsToTxn before v4', { v3AndBelowTransactionalId: 'tx', transactions: [] }],
    ['AddPartitionsToTxn', { v3AndBelowTransactionalId: '', transactions: [{ transactionalId: 'tx' }] }],
    ['DescribeTransactions', { transactionalIds: ['tx'] }],
    ['FindCoordinator before v4', { key: 'tx', keyType: 1, coordinatorKeys: [] }],
    ['FindCoordinator', { key: '', keyType: 1, coordinatorKeys: ['tx'] }],
  ])('in %s', (_, body) => {
    expect(transactionalIdsOf(body)).toEqual(['tx'])
  })

  test('and there is none where the key is a group, or null', () => {
    expect(transactionalIdsOf({ key: 'tx', keyType: 0 })).toEqual([])
    expect(transactionalIdsOf({ transactionalId: null })).toEqual([])
  })
})

test.each([
  ['JoinGroup', { groupId: 'g' }],
  ['OffsetFetch since v8', { groupId: '', groups: [{ groupId: 'g' }] }],
  ['DescribeGroups', { groups: ['g'] }],
  ['DeleteGroups', { groupsNames: ['g'] }],
  ['FindCoordinator', { key: 'g', keyType: 0 }],
])('the group is found in %s', (_, body) => {
  expect(groupsOf(body)).toEqual(['g'])
})

describe('topics and partitions are found', () => {
  const orders = { topic: 'orders', partition: 3 }
  test.each([
    ['OffsetCommit', { topics: [{ name: 'orders', partitions: [{ partitionIndex: 3 }] }] }],
    ['OffsetForLeaderEpoch', { topics: [{ topic: 'orders', partitions: [{ partition: 3 }] }] }],
    ['AddPartitionsToTxn', { transactions: [{ topics: [{ name: 'orders', partitions: [3] }] }] }],
    ['AddPartitionsToTxn before v4', { v3AndBelowTopics: [{ name: 'orders', partitions: [3] }], transactions: [] }],
    ['OffsetFetch', { groups: [{ topics: [{ name: 'orders', partitionIndexes: [3] }] }] }],
    ['WriteTxnMarkers', { markers: [{ topics: [{ name: 'orders', partitionIndexes: [3] }] }] }],
    ['ElectLeaders', { topicPartitions: [{ topic: 'orders', partitions: [3] }] }],
  ])('in %s', (_, body) => {
    expect(targetsOf(body, nobody)).toEqual([orders])
  })

  test('by topic id, where the topic is known', () => {
    const body = { topics: [{ name: '', topicId: 'one', partitions: [{ partitionIndex: 3 }] }] }
    expect(targetsOf(body, { topicById: id => (id === 'one' ? { name: 'orders' } : undefined) })).toEqual([orders])
    expect(targetsOf(body, nobody)).toEqual([])
  })

  test('a topic without partitions is a target of its own', () => {
    expect(targetsOf({ topics: [{ name: 'orders', count: 4 }] }, nobody)).toEqual([{ topic: 'orders' }])
  })
})
