import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { ClusterError, refusalOf } from '../cluster-error.ts'
import type { QuotaFilter } from '../quotas/client-quotas.ts'
import {
  isQuotaEntityType,
  type QuotaEntity,
  type QuotaEntityType,
  type QuotaName,
  quotaEntityProblem,
  quotaProblem,
} from '../quotas/quota-entity.ts'

type AlterRequest = Body<typeof apis.alterClientQuotas.request>
type Entry = AlterRequest['entries'][number]
type DescribeRequest = Body<typeof apis.describeClientQuotas.request>

const matchTypes = { exact: 0, default: 1, any: 2 } as const

/** Source: ClientQuotaControlManager.alterClientQuotas. */
export const alterClientQuotasHandler = handler('AlterClientQuotas', apis.alterClientQuotas, {
  handle(call) {
    const { cluster, body } = call
    const answers = new Map<string, ReturnType<typeof answerTo>>()
    cluster.together(() => {
      for (const entry of body.entries) {
        // Of a type that comes twice the last name counts, as the Java broker reads it into a map.
        const names = new Map(entry.entity.map(({ entityType, entityName }) => [entityType, entityName]))
        const key = JSON.stringify([...names].sort())
        answers.set(key, answerTo(names, alter(call, entry, names, answers.has(key))))
      }
    })
    return { entries: [...answers.values()] }
  },
})

function answerTo(names: ReadonlyMap<string, string | null>, refusal: ReturnType<typeof refusalOf> | null) {
  const entity = [...names].map(([entityType, entityName]) => ({ entityType, entityName }))
  return { errorCode: 0, errorMessage: null, ...refusal, entity }
}

/** Sets the quotas of one entity, all of them or none. */
function alter(
  call: Call<AlterRequest>,
  { ops }: Entry,
  names: ReadonlyMap<string, string | null>,
  isRepeated: boolean,
): ReturnType<typeof refusalOf> | null {
  const injected = anyInjectedError(call)
  if (injected) return { errorCode: injected.code, errorMessage: injected.message ?? '' }
  try {
    if (isRepeated || new Set(ops.map(({ key }) => key)).size < ops.length) throw refuse('Ignoring duplicate entity')
    refuseIf(quotaEntityProblem(names))
    const entity = Object.fromEntries(names) as QuotaEntity
    const changes = new Map<QuotaName, number | null>()
    for (const { key, value, remove } of ops) {
      if (!remove) refuseIf(quotaProblem(entity, key, value))
      changes.set(key as QuotaName, remove ? null : value)
    }
    if (!call.body.validateOnly) call.cluster.alterQuotas(entity, changes)
    return null
  } catch (error) {
    return refusalOf(error)
  }
}

/** Source: ClientQuotasImage.describe. */
export const describeClientQuotasHandler = handler('DescribeClientQuotas', apis.describeClientQuotas, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, errorMessage: injected.message, entries: null }
    try {
      const found = call.cluster.throttling.quotas.find(filterOf(call.body), call.body.strict)
      const entries = found.map(({ entity, values }) => ({
        entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
        values: [...values].map(([key, value]) => ({ key, value })),
      }))
      return { errorCode: 0, errorMessage: null, entries }
    } catch (error) {
      return { ...refusalOf(error), entries: null }
    }
  },
})

function filterOf({ components }: DescribeRequest): QuotaFilter {
  const filter = new Map<QuotaEntityType, { readonly name: string | null } | 'any'>()
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') throw refuse('Invalid empty entity type.')
    if (!isQuotaEntityType(entityType))
      throw new ClusterError('UNSUPPORTED_VERSION', `Unsupported entity type ${entityType}`)
    if (filter.has(entityType)) throw refuse(`Entity type ${entityType} cannot appear more than once in the filter.`)
    if (!Object.values<number>(matchTypes).includes(matchType)) throw refuse(`Unknown match type ${matchType}`)
    if ((matchType === matchTypes.exact) !== (match !== null))
      throw refuse(`Match type ${matchType} ${match === null ? 'needs a name' : 'takes no name'}.`)
    filter.set(entityType, matchType === matchTypes.any ? 'any' : { name: match })
  }
  if (filter.has('ip') && filter.size > 1) throw refuse('An ip is not looked for beside a user or a client-id.')
  return filter
}

const refuse = (message: string) => new ClusterError('INVALID_REQUEST', message)

function refuseIf(problem: string | null): void {
  if (problem) throw refuse(problem)
}
