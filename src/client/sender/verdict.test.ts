import { expect, test } from 'vitest'
import { brokerErrorCode, brokerErrorCodes } from '../../base/errors/index.ts'
import { type Verdict, type VerdictFacts, verdict } from './verdict.ts'

const facts: VerdictFacts = {
  idempotent: true,
  transactional: false,
  recordCount: 10,
  mayRetry: true,
  hasEarlier: false,
}

const named = (name: string) => brokerErrorCodes.find(code => code.name === name)!

function by(wanted: Verdict, changed: Partial<VerdictFacts> = {}): string[] {
  return brokerErrorCodes.filter(code => verdict(code, { ...facts, ...changed }) === wanted).map(({ name }) => name)
}

const retried = [
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_CONTROLLER',
  'CONCURRENT_TRANSACTIONS',
  'KAFKA_STORAGE_ERROR',
  'FETCH_SESSION_ID_NOT_FOUND',
  'INVALID_FETCH_SESSION_EPOCH',
  'LISTENER_NOT_FOUND',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'PREFERRED_LEADER_NOT_AVAILABLE',
  'ELIGIBLE_LEADERS_NOT_AVAILABLE',
  'ELECTION_NOT_NEEDED',
  'UNSTABLE_OFFSET_COMMIT',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
  'FETCH_SESSION_TOPIC_ID_ERROR',
]

const sequenceErrors = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'INVALID_PRODUCER_EPOCH', 'UNKNOWN_PRODUCER_ID']

test('every code of the list has its verdict, and no other reaction exists', () => {
  expect(by('acknowledged')).toEqual(['NONE', 'DUPLICATE_SEQUENCE_NUMBER'])
  expect(by('split')).toEqual(['MESSAGE_TOO_LARGE'])
  expect(by('renumber').toSorted()).toEqual(sequenceErrors.toSorted())
  expect(by('follow')).toEqual([])
  expect(by('retry')).toEqual(retried)
  expect(by('fail')).toHaveLength(brokerErrorCodes.length - 2 - 1 - 3 - retried.length)
})

test('behind an earlier batch, what the broker misses may be that one', () => {
  expect(by('follow', { hasEarlier: true }).toSorted()).toEqual(sequenceErrors.toSorted())
  expect(by('renumber', { hasEarlier: true })).toEqual([])
})

test('without idempotence a sequence error is final', () => {
  for (const name of sequenceErrors) expect(verdict(named(name), { ...facts, idempotent: false })).toBe('fail')
})

test('when the retries are used up all fail but what is acknowledged, or can be split', () => {
  expect(by('acknowledged', { mayRetry: false })).toHaveLength(2)
  expect(by('split', { mayRetry: false })).toHaveLength(1)
  expect(by('fail', { mayRetry: false })).toHaveLength(brokerErrorCodes.length - 3)
})

test('a batch of one record that is too large fails', () => {
  expect(verdict(named('MESSAGE_TOO_LARGE'), { ...facts, recordCount: 1 })).toBe('fail')
  expect(verdict(named('RECORD_LIST_TOO_LARGE'), facts)).toBe('fail')
})

test('a code that no list has fails, and may have been written', () => {
  for (const number of [-2, 61, 999, 32767]) {
    expect(verdict(brokerErrorCode(number), facts)).toBe('fail')
    expect(brokerErrorCode(number)).toMatchObject({ appended: 'maybe', retriable: false })
  }
})

test('in a transaction no sequence begins anew', () => {
  expect(by('renumber', { transactional: true })).toEqual([])
  expect(by('fail', { transactional: true })).toEqual(
    expect.arrayContaining(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH']),
  )
  expect(by('follow', { transactional: true, hasEarlier: true })).toEqual(['OUT_OF_ORDER_SEQUENCE_NUMBER'])
})
