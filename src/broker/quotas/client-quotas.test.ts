import { expect, test } from 'vitest'
import { ClientQuotas } from './client-quotas.ts'
import type { QuotaEntity } from './quota-entity.ts'

/** The most specific first. Source: ClientQuotaManager. */
const precedence: QuotaEntity[] = [
  { user: 'u', 'client-id': 'c' },
  { user: 'u', 'client-id': null },
  { user: 'u' },
  { user: null, 'client-id': 'c' },
  { user: null, 'client-id': null },
  { user: null },
  { 'client-id': 'c' },
  { 'client-id': null },
]

const limit = (value: number | null) => new Map([['producer_byte_rate', value] as const])

test('of all quotas that fit the most specific one counts, that has a value', () => {
  const quotas = new ClientQuotas()
  for (const [place, entity] of precedence.entries()) quotas.alter(entity, limit(place + 1))
  for (const [place, entity] of precedence.entries()) {
    expect(quotas.bound('producer_byte_rate', 'u', 'c')?.perSecond).toBe(place + 1)
    expect(quotas.bound('consumer_byte_rate', 'u', 'c')).toBeUndefined()
    quotas.alter(entity, limit(null))
  }
  expect(quotas.bound('producer_byte_rate', 'u', 'c')).toBeUndefined()
  expect(quotas.isEmpty).toBe(true)
})

test.each<[entity: QuotaEntity, clientIdsTogether: boolean, usersTogether: boolean]>([
  [{ user: 'u' }, true, false],
  [{ user: null }, true, false],
  [{ user: null, 'client-id': null }, false, false],
  [{ 'client-id': null }, false, true],
])('%j: whose use is counted together', (entity, clientIdsTogether, usersTogether) => {
  const quotas = new ClientQuotas()
  quotas.alter(entity, limit(5))
  const shared = (user: string, clientId: string) => quotas.bound('producer_byte_rate', user, clientId)?.shared

  expect(shared('u', 'a') === shared('u', 'b')).toBe(clientIdsTogether)
  expect(shared('u', 'a') === shared('v', 'a')).toBe(usersTogether)
})

test('a client without an id has only the quota of its user', () => {
  const quotas = new ClientQuotas()
  quotas.alter({ 'client-id': null }, limit(5))
  expect(quotas.bound('producer_byte_rate', 'u', '')).toBeUndefined()
  quotas.alter({ user: 'u' }, limit(6))
  expect(quotas.bound('producer_byte_rate', 'u', '')?.perSecond).toBe(6)
})
