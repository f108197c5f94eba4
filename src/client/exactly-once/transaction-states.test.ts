import { describe, expect, test } from 'vitest'
import { BrokerError, KafkaError } from '../../base/errors/index.ts'
import {
  allowedCalls,
  type TransactionCall,
  type TransactionState,
  TransactionStates,
  transactionMoves,
} from './transaction-states.ts'

const states = Object.keys(transactionMoves) as TransactionState[]
const calls: TransactionCall[] = [
  'initTransactions',
  'beginTransaction',
  'send',
  'sendOffsetsToTransaction',
  'commitTransaction',
  'abortTransaction',
]

/** The shortest way to a state, by legal moves. */
const waysTo: Record<TransactionState, readonly TransactionState[]> = {
  uninitialized: [],
  initializing: ['initializing'],
  ready: ['initializing', 'ready'],
  'in-transaction': ['initializing', 'ready', 'in-transaction'],
  committing: ['initializing', 'ready', 'in-transaction', 'committing'],
  'commit-unknown': ['initializing', 'ready', 'in-transaction', 'committing', 'commit-unknown'],
  aborting: ['initializing', 'ready', 'in-transaction', 'aborting'],
  'abortable-error': ['initializing', 'ready', 'in-transaction', 'abortable-error'],
  'fatal-error': ['fatal-error'],
}

function at(state: TransactionState): TransactionStates {
  const own = new TransactionStates()
  for (const step of waysTo[state]) own.move(step)
  expect(own.state).toBe(state)
  return own
}

describe.each(states)('%s', state => {
  test.each(states)('to %s', to => {
    const own = at(state)
    if (transactionMoves[state].includes(to)) {
      own.move(to)
      expect(own.state).toBe(to)
    } else {
      expect(() => own.move(to)).toThrow(`transactions may go from ${state} to ${to}`)
      expect(own.state).toBe(state)
    }
  })

  test.each(calls)('%s', call => {
    const refusal = at(state).refusal(call)
    if (allowedCalls[state].includes(call)) {
      expect(refusal).toBeUndefined()
      return
    }
    expect(refusal).toMatchObject({ code: 'INVALID_TXN_STATE', fatal: false })
    expect(refusal!.message).toContain(`${call}() is not allowed in the state ${state}; allowed: `)
    for (const allowed of allowedCalls[state]) expect(refusal!.message).toContain(`${allowed}()`)
    expect(refusal!.message).toContain('close()')
    expect(refusal!.outcome).toBe(call === 'send' ? 'not-written' : undefined)
  })
})

test('a fatal error is what every call fails with, each time with a stack of its own', () => {
  const fenced = new BrokerError('PRODUCER_FENCED', 90, 'fenced', { fatal: true })
  const own = at('fatal-error')
  for (const call of calls) {
    const refusal = own.refusal(call, fenced)
    expect(refusal).toBeInstanceOf(BrokerError)
    expect(refusal).not.toBe(fenced)
    expect(refusal).toMatchObject({ code: 'PRODUCER_FENCED', errorCode: 90, fatal: true, message: 'fenced' })
    expect(refusal!.cause).toBe(fenced)
  }
})

test('after an abortable error what belongs to the transaction fails with it, and what does not with the state', () => {
  const failed = new KafkaError('TRANSACTION_ABORTABLE', 'a record failed', { abortable: true })
  const own = at('abortable-error')
  for (const call of ['send', 'sendOffsetsToTransaction', 'commitTransaction'] as const)
    expect(own.refusal(call, failed)).toMatchObject({ code: 'TRANSACTION_ABORTABLE', abortable: true })
  for (const call of ['initTransactions', 'beginTransaction'] as const)
    expect(own.refusal(call, failed)).toMatchObject({ code: 'INVALID_TXN_STATE', cause: failed })
  expect(own.refusal('abortTransaction', failed)).toBeUndefined()
})

test('once a commit may have been decided nothing leads to an abort, and from a fatal error nothing leads anywhere', () => {
  const reachable = (from: TransactionState, without: TransactionState): Set<TransactionState> => {
    const seen = new Set<TransactionState>()
    const visit = (state: TransactionState) => {
      for (const next of transactionMoves[state])
        if (next !== without && !seen.has(next)) {
          seen.add(next)
          visit(next)
        }
    }
    visit(from)
    return seen
  }
  expect(transactionMoves['commit-unknown']).toEqual(['committing', 'fatal-error'])
  expect(allowedCalls['commit-unknown']).toEqual(['commitTransaction'])
  expect(allowedCalls.committing).toEqual(['commitTransaction'])
  expect(reachable('fatal-error', 'uninitialized')).toEqual(new Set())
  // Every state is reached from the first one.
  expect(new Set(['uninitialized', ...reachable('uninitialized', 'uninitialized')])).toEqual(new Set(states))
})
