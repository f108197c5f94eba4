import { describe, expect, test } from 'vitest'
import { brokerErrorCode, brokerErrorCodes } from '../../base/errors/index.ts'
import { type TransactionRequest, type TransactionVerdict, transactionVerdict } from './transaction-verdict.ts'

const requests: TransactionRequest[] = [
  'FindCoordinator',
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
]
const named = (name: string) => brokerErrorCodes.find(code => code.name === name)!
const row = (name: string) => requests.map(request => transactionVerdict(request, named(name)))

/** Table of §3.5 of what is known of the Java client: one row an error, one column a request, in the order above. */
const table: [string, ...TransactionVerdict[]][] = [
  ['NONE', 'done', 'done', 'done', 'done', 'done', 'done'],
  ['COORDINATOR_NOT_AVAILABLE', 'again', 'elsewhere', 'elsewhere', 'elsewhere', 'elsewhere', 'elsewhere'],
  ['NOT_COORDINATOR', 'again', 'elsewhere', 'elsewhere', 'elsewhere', 'elsewhere', 'elsewhere'],
  ['COORDINATOR_LOAD_IN_PROGRESS', 'again', 'again', 'again', 'again', 'again', 'again'],
  ['CONCURRENT_TRANSACTIONS', 'soon', 'soon', 'soon', 'soon', 'soon', 'soon'],
  ['REQUEST_TIMED_OUT', 'again', 'again', 'again', 'again', 'elsewhere', 'again'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'again', 'again', 'again', 'again', 'again', 'again'],
  ['PRODUCER_FENCED', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal'],
  ['INVALID_PRODUCER_EPOCH', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal'],
  ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'fatal', 'refused', 'fatal', 'fatal', 'fatal', 'fatal'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'fatal', 'refused', 'fatal', 'fatal', 'fatal', 'fatal'],
  ['TOPIC_AUTHORIZATION_FAILED', 'fatal', 'fatal', 'abortable', 'fatal', 'fatal', 'fatal'],
  ['GROUP_AUTHORIZATION_FAILED', 'abortable', 'fatal', 'abortable', 'abortable', 'abortable', 'fatal'],
  ['INVALID_TXN_STATE', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal'],
  ['INVALID_PRODUCER_ID_MAPPING', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal', 'fatal'],
  ['UNKNOWN_PRODUCER_ID', 'fatal', 'fatal', 'abortable', 'abortable', 'fatal', 'abortable'],
  ['TRANSACTION_ABORTABLE', 'abortable', 'fatal', 'abortable', 'abortable', 'abortable', 'abortable'],
  ['OPERATION_NOT_ATTEMPTED', 'fatal', 'fatal', 'abortable', 'fatal', 'fatal', 'fatal'],
  ['FENCED_INSTANCE_ID', 'fatal', 'fatal', 'abortable', 'fatal', 'abortable', 'fatal'],
  ['ILLEGAL_GENERATION', 'fatal', 'fatal', 'abortable', 'fatal', 'abortable', 'fatal'],
  ['UNKNOWN_MEMBER_ID', 'fatal', 'fatal', 'abortable', 'fatal', 'abortable', 'fatal'],
  ['STALE_MEMBER_EPOCH', 'fatal', 'fatal', 'abortable', 'fatal', 'abortable', 'fatal'],
  ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'fatal', 'fatal', 'abortable', 'fatal', 'fatal', 'fatal'],
  ['INVALID_TRANSACTION_TIMEOUT', 'fatal', 'fatal', 'abortable', 'fatal', 'fatal', 'fatal'],
  ['UNKNOWN_SERVER_ERROR', 'fatal', 'fatal', 'abortable', 'fatal', 'fatal', 'fatal'],
]

test.each(table)('%s', (name, ...verdicts) => {
  expect(row(name)).toEqual(verdicts)
})

describe('whatever a broker answers', () => {
  test('only success is success', () => {
    for (const request of requests)
      for (const code of brokerErrorCodes)
        expect(transactionVerdict(request, code) === 'done', `${request}: ${code.name}`).toBe(code.code === 0)
  })

  test('a code that nobody knows is none that one could go on after', () => {
    for (const request of ['InitProducerId', 'EndTxn', 'TxnOffsetCommit'] as const)
      expect(transactionVerdict(request, brokerErrorCode(9999))).toBe('fatal')
  })

  test('of an abort nothing is abortable', () => {
    for (const code of brokerErrorCodes) expect(transactionVerdict('EndTxn', code, true)).not.toBe('abortable')
  })
})
