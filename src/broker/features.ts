import type { KafkaVersion } from './versions.ts'

/** A feature of the cluster, its levels, and the one that is valid (KIP-584). 0: the feature is not in use. */
export interface Feature {
  readonly name: string
  readonly minLevel: number
  readonly maxLevel: number
  readonly level: number
}

const transactionFeature = 'transaction.version'
const metadataFeature = 'metadata.version'

/** The lowest and the newest level of `metadata.version`. Source: MetadataVersion.java of each release. */
const metadataLevels: Readonly<Partial<Record<KafkaVersion, readonly [number, number]>>> = {
  '3.9': [1, 21], // 3.9-IV0
  '4.3': [7, 30], // 3.3-IV3 to 4.3-IV0
}

/** Before KRaft there was no `transaction.version`. */
const hasTransactionVersion = (release: KafkaVersion) => release === '3.9' || release === '4.3'

/**
 * The levels of the cluster's features. `transaction.version` decides how transactions go: 0 as ever, 1 flexible records in
 * `__transaction_state`, 2 a new epoch with each transaction and partitions that Produce itself adds (KIP-890).
 */
export class Features {
  readonly #release: KafkaVersion
  #transactionVersion: number
  #epoch = 1n

  constructor(release: KafkaVersion, transactionVersion: number) {
    this.#release = release
    this.#transactionVersion = transactionVersion
  }

  /** The level that `transaction.version` has in a new cluster of the release. */
  static defaultTransactionVersion(release: KafkaVersion): number {
    return release === '4.3' ? 2 : 0
  }

  get transactionVersion(): number {
    return this.#transactionVersion
  }

  set transactionVersion(level: number) {
    this.#transactionVersion = level
    this.#epoch++
  }

  /** Grows with each change, so that clients can tell which of two answers is newer. */
  get epoch(): bigint {
    return this.#epoch
  }

  all(): Feature[] {
    const metadata = metadataLevels[this.#release]
    const found: Feature[] = []
    if (metadata) {
      const [minLevel, maxLevel] = metadata
      found.push({ name: metadataFeature, minLevel, maxLevel, level: maxLevel })
    }
    if (hasTransactionVersion(this.#release) || this.#transactionVersion > 0)
      found.push({ name: transactionFeature, minLevel: 0, maxLevel: 2, level: this.#transactionVersion })
    return found
  }

  /** Changes a level where that is possible: gives what is wrong with it, or null. Source: FeatureControlManager.updateFeature. */
  problemOf(name: string, level: number, upgradeType: number): string | null {
    const feature = this.all().find(one => one.name === name)
    if (!feature) return `Could not find feature '${name}'.`
    if (level < feature.minLevel || level > feature.maxLevel)
      return `Invalid update version ${level} for feature ${name}. Local controller only supports versions ${feature.minLevel}-${feature.maxLevel}`
    if (level < feature.level && upgradeType === upgrade)
      return `Invalid update version ${level} for feature ${name}. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.`
    if (level > feature.level && upgradeType !== upgrade)
      return `Invalid update version ${level} for feature ${name}. Can't downgrade to a newer version.`
    if (name === metadataFeature && level !== feature.level)
      return `Invalid update version ${level} for feature ${name}. The embedded broker does not change its metadata.version.`
    return null
  }

  set(name: string, level: number): void {
    if (name === transactionFeature && level !== this.#transactionVersion) this.transactionVersion = level
  }
}

/** UpdateFeatures' number for raising a level. */
const upgrade = 1
