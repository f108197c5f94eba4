import type { OptionProblem } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { faultProblem } from '../fault-checks.ts'
import type { FaultAction, FaultRule } from '../fault-rules.ts'
import { either, flag, isObject, listOf, objectOf, oneOf, type Shape, tell, text, whole } from './shape.ts'

/** A fault that can stand in a JSON file: no functions, and "unlimited" for a number of times that has no end. */
export type DeclaredFault = Omit<FaultRule, 'when' | 'action' | 'times'> & {
  readonly action: Exclude<FaultAction, { type: 'answer' }>
  readonly times?: number | 'unlimited'
}

export const apiName = oneOf(Object.keys(apis).map(name => name[0]!.toUpperCase() + name.slice(1)))

/** The fields that choose requests, in faults and in events. */
export const matchFields: Readonly<Record<string, Shape>> = {
  api: either(listOf(apiName), apiName),
  versions: listOf(whole(0, 32_767), 2),
  broker: whole(1),
  connection: whole(1),
  clientId: text,
  topic: text,
  partition: whole(0),
  transactionalId: text,
  group: text,
}

const action = (fields: Readonly<Record<string, Shape>> = {}, required: readonly string[] = []): Shape =>
  objectOf({ type: text, ...fields }, required)
const longest = 2 ** 31 - 1
const ms = whole(0, longest)

const actions: Readonly<Record<DeclaredFault['action']['type'], Shape>> = {
  error: action({ error: text, message: text }, ['error']),
  close: action({ reset: flag, afterMs: ms }),
  swallow: action(),
  delay: action({ ms: either(objectOf({ minMs: ms, maxMs: ms }, ['minMs', 'maxMs']), ms) }, ['ms']),
  hold: action(),
  throttle: action({ ms }, ['ms']),
  truncate: action({ bytes: whole(0, longest) }, ['bytes']),
  'correlation-id': action({ add: whole(-longest, longest) }, ['add']),
  garbage: action({ bytes: whole(0, 2 ** 24) }, ['bytes']),
  corrupt: action({ bits: whole(1, 2 ** 20) }),
  'split-writes': action({ bytes: whole(1, longest) }, ['bytes']),
  'omit-partition': action(),
  'duplicate-partition': action(),
}

const actionShape: Shape = (value, path, problems) => {
  if (!isObject(value)) return tell(problems, path, 'is not an object with a type')
  const { type } = value
  if (typeof type === 'string' && Object.hasOwn(actions, type))
    actions[type as keyof typeof actions](value, path, problems)
  else tell(problems, `${path}.type`, `${JSON.stringify(type)} is none of ${Object.keys(actions).join(', ')}`)
}

const ruleShape = objectOf(
  {
    ...matchFields,
    phase: oneOf(['before', 'after']),
    action: actionShape,
    times: either(oneOf(['unlimited']), whole(1)),
    skip: whole(0),
    nth: whole(1),
    name: text,
  },
  ['action'],
)

/** Says what is wrong with a fault from JSON. */
export const faultShape: Shape = (value, path, problems) => {
  const found: OptionProblem[] = []
  ruleShape(value, path, found)
  problems.push(...found)
  // What is wrong in itself can only be told of what has the right types.
  const problem = found.length === 0 ? faultProblem(ruleOf(value as DeclaredFault)) : null
  if (problem) tell(problems, path, problem)
}

/** The rule that a checked fault from JSON is. */
export function ruleOf({ times, ...rule }: DeclaredFault): FaultRule {
  if (times === undefined) return rule
  return { ...rule, times: times === 'unlimited' ? Number.POSITIVE_INFINITY : times }
}
