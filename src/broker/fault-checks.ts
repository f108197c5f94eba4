import { errorNumber } from '../base/errors/index.ts'
import type { FaultRule } from './fault-rules.ts'

const whole = (value: unknown, min: number): boolean => Number.isInteger(value) && (value as number) >= min

/** What is wrong with a rule whose types are right, or null. */
export function faultProblem(rule: FaultRule): string | null {
  const { action, times, skip, nth } = rule
  if (times !== undefined && !(times >= 1)) return `times must be at least 1, not ${times}`
  if (skip !== undefined && !whole(skip, 0)) return `skip must be a whole number from 0, not ${skip}`
  if (nth !== undefined && !whole(nth, 1)) return `nth must be a whole number from 1, not ${nth}`
  if (skip !== undefined && nth !== undefined) return 'skip and nth say the same: give one of them'
  switch (action.type) {
    case 'error':
      return errorProblem(action.error)
    case 'delay':
      return delayProblem(action.ms)
    case 'throttle':
      return whole(action.ms, 0) ? null : `ms must be a whole number from 0, not ${action.ms}`
    case 'split-writes':
      return whole(action.bytes, 1) ? null : `bytes must be a whole number from 1, not ${action.bytes}`
    case 'truncate':
    case 'garbage':
      return whole(action.bytes, 0) ? null : `bytes must be a whole number from 0, not ${action.bytes}`
    case 'corrupt':
      return action.bits === undefined || whole(action.bits, 1)
        ? null
        : `bits must be a whole number from 1, not ${action.bits}`
    default:
      return null
  }
}

function errorProblem(name: string): string | null {
  try {
    errorNumber(name)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function delayProblem(ms: Extract<FaultRule['action'], { type: 'delay' }>['ms']): string | null {
  if (typeof ms === 'number') return ms >= 0 ? null : `ms must not be negative, and is ${ms}`
  return ms.minMs >= 0 && ms.maxMs >= ms.minMs ? null : `ms needs 0 ≤ minMs ≤ maxMs, not ${ms.minMs} and ${ms.maxMs}`
}
