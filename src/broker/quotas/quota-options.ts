import type { ClientQuotas } from './client-quotas.ts'
import { type QuotaEntity, type QuotaName, quotaEntityProblem, quotaProblem } from './quota-entity.ts'

/**
 * A quota to begin with, for the clients it names: by `user`, by `clientId`, or by both. The most specific one counts: that of
 * user and client id, then the user's, then the client id's. Source: ClientQuotaManager, KIP-13, KIP-124, KIP-599.
 */
export interface QuotaOptions {
  /** Null: every user without a quota of its own. Without SASL all clients are the user `ANONYMOUS`. */
  user?: string | null
  /** Null: every client id without a quota of its own. */
  clientId?: string | null
  /** Kafka's `producer_byte_rate`: bytes a second that each broker takes in Produce requests. A whole number above 0. */
  producerByteRate?: number
  /** Kafka's `consumer_byte_rate`: bytes a second that each broker gives in answers to Fetch. A whole number above 0. */
  consumerByteRate?: number
  /** Kafka's `controller_mutation_rate`: partitions a second that may be created and deleted. Above 0. */
  controllerMutationRate?: number
}

const rates: Readonly<Record<'producerByteRate' | 'consumerByteRate' | 'controllerMutationRate', QuotaName>> = {
  producerByteRate: 'producer_byte_rate',
  consumerByteRate: 'consumer_byte_rate',
  controllerMutationRate: 'controller_mutation_rate',
}

type Wrong = (option: string, message: string) => void

export function checkQuotas(quotas: unknown, wrong: Wrong): void {
  if (quotas === undefined) return
  if (!Array.isArray(quotas)) wrong('quotas', `${JSON.stringify(quotas)} is not a list of quotas`)
  else for (const [index, quota] of (quotas as unknown[]).entries()) checkQuota(`quotas[${index}]`, quota, wrong)
}

function checkQuota(where: string, quota: unknown, wrong: Wrong): void {
  if (typeof quota !== 'object' || quota === null) {
    wrong(where, `${JSON.stringify(quota)} is not a quota`)
    return
  }
  const { user, clientId, ...limits } = quota as Readonly<Record<string, unknown>>
  for (const [name, value] of Object.entries({ user, clientId }))
    if (value !== undefined && value !== null && (typeof value !== 'string' || value === ''))
      wrong(`${where}.${name}`, `${JSON.stringify(value)} is neither a name nor null`)
  if (user === undefined && clientId === undefined) wrong(where, 'user or clientId has to say whom it is for')
  const given = Object.entries(limits).filter(([, value]) => value !== undefined)
  if (given.length === 0) wrong(where, `it limits nothing: give ${Object.keys(rates).join(', ')}`)
  for (const [name, value] of given) {
    if (!Object.hasOwn(rates, name)) wrong(`${where}.${name}`, 'there is no such quota')
    else if (typeof value !== 'number') wrong(`${where}.${name}`, `${JSON.stringify(value)} is not a number`)
    else {
      const problem = quotaProblem({ 'client-id': '' }, rates[name as keyof typeof rates], value)
      if (problem) wrong(`${where}.${name}`, problem)
    }
  }
}

/** Sets quotas that were checked; what else is set for the same clients stays. */
export function setQuotas(quotas: ClientQuotas, options: readonly QuotaOptions[]): void {
  for (const { user, clientId, ...limits } of options) {
    const entity: QuotaEntity = {
      ...(user !== undefined && { user }),
      ...(clientId !== undefined && { 'client-id': clientId }),
    }
    const values = Object.entries(limits).filter(([, value]) => value !== undefined)
    quotas.alter(entity, new Map(values.map(([name, value]) => [rates[name as keyof typeof rates], value])))
  }
}

/** A quota as `meta.json` holds it; numbers as text, because a quota may be larger than JSON's. */
export interface StoredQuota {
  readonly entity: QuotaEntity
  readonly values: Readonly<Record<string, string>>
}

export const storedQuotas = (quotas: ClientQuotas): StoredQuota[] =>
  quotas.entries().map(({ entity, values }) => ({
    entity,
    values: Object.fromEntries([...values].map(([name, value]) => [name, String(value)])),
  }))

/** Takes over what was stored, but for what this release does not know. */
export function restoreQuotas(quotas: ClientQuotas, stored: readonly StoredQuota[]): void {
  for (const { entity, values } of stored) {
    if (quotaEntityProblem(new Map(Object.entries(entity)))) continue
    const known = Object.entries(values)
      .map(([name, value]) => [name as QuotaName, Number(value)] as const)
      .filter(([name, value]) => quotaProblem(entity, name, value) === null)
    quotas.alter(entity, new Map(known))
  }
}
