import { describe, expect, test } from 'vitest'
import { errorNumber } from '../../base/errors/index.ts'
import { telemetryReaction } from './telemetry-reaction.ts'
import { type TelemetryState, TelemetryStates, telemetryMoves } from './telemetry-states.ts'

const states = Object.keys(telemetryMoves) as TelemetryState[]

/** The shortest way to a state, by legal moves. */
const waysTo: Record<TelemetryState, readonly TelemetryState[]> = {
  'subscription-needed': [],
  'subscription-in-progress': ['subscription-in-progress'],
  'push-needed': ['subscription-in-progress', 'push-needed'],
  'push-in-progress': ['subscription-in-progress', 'push-needed', 'push-in-progress'],
  'terminating-push-needed': ['subscription-in-progress', 'push-needed', 'terminating-push-needed'],
  'terminating-push-in-progress': [
    'subscription-in-progress',
    'push-needed',
    'terminating-push-needed',
    'terminating-push-in-progress',
  ],
  terminated: ['terminated'],
}

describe.each(states)('%s', state => {
  test.each(states)('to %s', to => {
    const own = new TelemetryStates()
    for (const step of waysTo[state]) own.move(step)

    if (telemetryMoves[state].includes(to)) {
      own.move(to)
      expect(own.is(to)).toBe(true)
    } else {
      expect(() => own.move(to)).toThrow(`telemetry may go from ${state} to ${to}`)
      expect(own.state).toBe(state)
    }
  })
})

test('from every state there is a way to the end, and none from there', () => {
  for (const state of states) expect(telemetryMoves[state].includes('terminated'), state).toBe(state !== 'terminated')
  expect(telemetryMoves.terminated).toEqual([])
})

test.each([
  ['NONE', 'accepted'],
  ['UNKNOWN_SUBSCRIPTION_ID', 'ask-now'],
  ['UNSUPPORTED_COMPRESSION_TYPE', 'ask-now'],
  ['TELEMETRY_TOO_LARGE', 'ask-later'],
  ['THROTTLING_QUOTA_EXCEEDED', 'ask-later'],
  ['INVALID_REQUEST', 'give-up'],
  ['INVALID_RECORD', 'give-up'],
  ['UNSUPPORTED_VERSION', 'give-up'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'give-up'],
])('%s: %s', (name, reaction) => {
  expect(telemetryReaction(errorNumber(name))).toBe(reaction)
})

test('a code that nobody knows ends it', () => {
  expect(telemetryReaction(12_345)).toBe('give-up')
})
