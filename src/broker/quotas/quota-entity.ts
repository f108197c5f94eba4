import { isIP } from 'node:net'

export const quotaEntityTypes = ['user', 'client-id', 'ip'] as const
export type QuotaEntityType = (typeof quotaEntityTypes)[number]

/** Whom a quota is for. Null stands for all who have none of their own. */
export type QuotaEntity = { readonly [Type in QuotaEntityType]?: string | null }

const largestLong = 2 ** 63
const largestInt = 2 ** 31 - 1

/** What can be set, and how large it may be; a rate of bytes or connections is a whole number. Source: QuotaConfig.java. */
const ofUsersAndClients = {
  producer_byte_rate: { whole: true, max: largestLong },
  consumer_byte_rate: { whole: true, max: largestLong },
  request_percentage: { whole: false, max: Number.POSITIVE_INFINITY },
  controller_mutation_rate: { whole: false, max: Number.POSITIVE_INFINITY },
} as const
const ofAddresses = { connection_creation_rate: { whole: true, max: largestInt } } as const

export type QuotaName = keyof typeof ofUsersAndClients | keyof typeof ofAddresses

export const isQuotaEntityType = (type: string): type is QuotaEntityType =>
  (quotaEntityTypes as readonly string[]).includes(type)

/** Why nothing can be set for these names, or null. Source: ClientQuotaControlManager.validateEntity, configKeysForEntityType. */
export function quotaEntityProblem(names: ReadonlyMap<string, string | null>): string | null {
  if (names.size === 0) return 'Invalid empty client quota entity'
  for (const [type, name] of names) {
    if (!isQuotaEntityType(type)) return `Unhandled client quota entity type: ${type}`
    if (name === '') return `Empty ${type} not supported`
  }
  if (!names.has('ip')) return null
  if (names.size > 1) return 'An ip is not combined with a user or a client-id'
  const ip = names.get('ip') ?? null
  // Kafka also asks the name service.
  return ip === null || isIP(ip) !== 0 || ip === 'localhost' ? null : `${ip} is not a valid IP or resolvable host.`
}

/** Why a quota of the entity cannot have this value, or null. Source: ClientQuotaControlManager.validateQuotaKeyValue. */
export function quotaProblem(entity: QuotaEntity, name: string, value: number): string | null {
  const rules: Readonly<Record<string, { whole: boolean; max: number }>> =
    entity.ip === undefined ? ofUsersAndClients : ofAddresses
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
  if (!rule) return `Invalid configuration key ${name}`
  if (!(value > 0)) return `Quota ${name} must be greater than 0`
  if (value > rule.max) return `${value} is too large for ${name}`
  if (rule.whole && value % 1 > 1e-6) return `${name} cannot be a fractional value.`
  return null
}

/** The same for the same names, whatever their order. */
export function keyOfEntity(entity: QuotaEntity): string {
  return JSON.stringify(quotaEntityTypes.map(type => (entity[type] === undefined ? 0 : entity[type])))
}
