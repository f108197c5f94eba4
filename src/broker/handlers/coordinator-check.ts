import { errorNumber } from '../../base/errors/index.ts'
import { type Call, injectedError } from '../call.ts'
import { refusalOf } from '../cluster-error.ts'

/** Why this broker does not answer for the group: an injected error, an empty id, or another coordinator; 0: it does. */
export function groupError(call: Call<unknown>, groupId: string, mayBeEmpty = false): number {
  const injected = injectedError(call, 'before')
  if (injected) return injected.code
  if (groupId === '' && !mayBeEmpty) return errorNumber('INVALID_GROUP_ID')
  const refusal = call.cluster.groupState.refusal(call, groupId)
  return refusal === null ? 0 : errorNumber(refusal)
}

/** The answer with the error that a fault gives it after all was done. */
export function withInjected<A extends { readonly errorCode: number }>(call: Call<unknown>, answer: A): A {
  const injected = injectedError(call, 'after')
  return injected ? { ...answer, errorCode: injected.code } : answer
}

/** Runs `work` and gives its error as Kafka's number; 0: none. */
export function errorOf(work: () => void): number {
  try {
    work()
    return 0
  } catch (error) {
    return codeOf(error)
  }
}

/** Kafka's number of what a coordinator has thrown; rethrows what is our bug. */
export const codeOf = (error: unknown): number => refusalOf(error).errorCode
