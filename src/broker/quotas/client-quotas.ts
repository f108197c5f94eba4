import {
  keyOfEntity,
  type QuotaEntity,
  type QuotaEntityType,
  type QuotaName,
  quotaEntityTypes,
} from './quota-entity.ts'

/** What is set for one entity. */
export interface EntityQuotas {
  readonly entity: QuotaEntity
  /** Never empty. */
  readonly values: ReadonlyMap<QuotaName, number>
}

/** A limit, and who shares it. */
export interface QuotaBound {
  readonly perSecond: number
  /** The same for all whose use is counted together. */
  readonly shared: string
}

/** What DescribeClientQuotas looks for in one type of name: this one (null: the default), or any. */
export type QuotaFilter = ReadonlyMap<QuotaEntityType, { readonly name: string | null } | 'any'>

/**
 * The quotas of the cluster, as they were set. Which counts for a client: the most specific one that has a value.
 * Source: ClientQuotasImage, ClientQuotaManager.DefaultQuotaCallback.
 */
export class ClientQuotas {
  readonly #quotas = new Map<string, EntityQuotas>()

  get isEmpty(): boolean {
    return this.#quotas.size === 0
  }

  entries(): EntityQuotas[] {
    return [...this.#quotas.values()]
  }

  /** Sets what has a value, and takes away what has null. The caller has checked it. */
  alter(entity: QuotaEntity, changes: ReadonlyMap<QuotaName, number | null>): void {
    const key = keyOfEntity(entity)
    const values = new Map(this.#quotas.get(key)?.values)
    for (const [name, value] of changes)
      if (value === null) values.delete(name)
      else values.set(name, value)
    if (values.size > 0) this.#quotas.set(key, { entity, values })
    else this.#quotas.delete(key)
  }

  clear(): void {
    this.#quotas.clear()
  }

  /** The entities that have every name that is looked for; `strict`: and no other. */
  find(filter: QuotaFilter, strict: boolean): EntityQuotas[] {
    return this.entries().filter(({ entity }) => {
      const types = quotaEntityTypes.filter(type => entity[type] !== undefined)
      if (strict && (types.length !== filter.size || filter.size === 0)) return false
      return [...filter].every(([type, wanted]) =>
        wanted === 'any' ? types.includes(type) : entity[type] === wanted.name,
      )
    })
  }

  /** What counts for a client; undefined: it may take what it wants. */
  bound(name: QuotaName, user: string, clientId: string): QuotaBound | undefined {
    if (this.isEmpty) return undefined
    const both = JSON.stringify([user, clientId])
    const levels: [entity: QuotaEntity, shared: string][] = [
      [{ user, 'client-id': clientId }, both],
      [{ user, 'client-id': null }, both],
      [{ user }, JSON.stringify([user])],
      [{ user: null, 'client-id': clientId }, both],
      [{ user: null, 'client-id': null }, both],
      [{ user: null }, JSON.stringify([user])],
      [{ 'client-id': clientId }, JSON.stringify([null, clientId])],
      [{ 'client-id': null }, JSON.stringify([null, clientId])],
    ]
    for (const [entity, shared] of levels) {
      // A client without a name has no quota by its name, not even the default.
      if (clientId === '' && entity['client-id'] !== undefined) continue
      const perSecond = this.#quotas.get(keyOfEntity(entity))?.values.get(name)
      if (perSecond !== undefined) return { perSecond, shared }
    }
    return undefined
  }
}
