import { existsSync, readFileSync } from 'node:fs'
import { KafkaError } from '../../base/errors/index.ts'
import type { StoredQuota } from '../quotas/quota-options.ts'
import { topicNameProblem } from '../topic.ts'
import { replaceFile } from './replace-file.ts'

const format = 1
const name = 'meta.json'

export interface StoredPartition {
  readonly replicas: readonly number[]
  readonly leaderEpoch: number
}

export interface StoredTopic {
  readonly name: string
  readonly id: string
  readonly internal: boolean
  /** What was set for the topic itself. */
  readonly config: Readonly<Record<string, string>>
  readonly partitions: readonly StoredPartition[]
}

/** What of a cluster's state is kept here, and not in a log. */
export interface StoredState {
  readonly topics: readonly StoredTopic[]
  /** What was set while the brokers ran. */
  readonly brokerConfig: { readonly allBrokers: Entries; readonly broker: Entries }
  readonly quotas: readonly StoredQuota[]
}

type Entries = Readonly<Record<string, string>>

export const emptyState: StoredState = { topics: [], brokerConfig: { allBrokers: {}, broker: {} }, quotas: [] }

/** What a data folder holds beside the logs. */
export interface Meta extends StoredState {
  readonly clusterId: string
  /** Ids below this one are taken; those in memory of a broker that died are lost, never given twice. */
  readonly nextProducerId: bigint
  /** Topics that are deleted, whose folders may still be there. */
  readonly deleting: readonly { readonly name: string; readonly id: string }[]
}

export interface ReadMeta {
  /** null: there is none, or none that can be read. */
  readonly meta: Meta | null
  /** Why it cannot be read. */
  readonly problem: string | null
}

/** @throws KafkaError `DATA_DIR_FORMAT` where a newer release has written it. */
export function readMeta(folder: string): ReadMeta {
  const path = `${folder}/${name}`
  if (!existsSync(path)) return { meta: null, problem: null }
  let read: unknown
  try {
    read = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    return { meta: null, problem: error instanceof Error ? error.message : String(error) }
  }
  const found = isObject(read) ? read.format : undefined
  if (Number.isInteger(found) && (found as number) > format) {
    const message = `${path} has format ${found}, this release knows ${format} at most: it was written by a newer one; use that, or another folder`
    throw new KafkaError('DATA_DIR_FORMAT', message)
  }
  const meta = found === format ? metaOf(read as Record<string, unknown>) : null
  return { meta, problem: meta ? null : 'it does not say what it should' }
}

/** Written whole or not at all, and flushed: what a client was told of topics and ids is not lost. */
export function writeMeta(folder: string, text: string): void {
  replaceFile(`${folder}/${name}`, text)
}

export function metaText({ clusterId, nextProducerId, ...state }: Meta): string {
  return `${JSON.stringify({ format, clusterId, nextProducerId: String(nextProducerId), ...state }, null, 1)}\n`
}

function metaOf(read: Record<string, unknown>): Meta | null {
  const { clusterId, nextProducerId, topics, deleting } = read
  // Folders of before have neither.
  const { brokerConfig = emptyState.brokerConfig, quotas = emptyState.quotas } = read
  if (typeof clusterId !== 'string' || typeof nextProducerId !== 'string' || !/^\d{1,18}$/.test(nextProducerId))
    return null
  if (!Array.isArray(topics) || !topics.every(isTopic) || !Array.isArray(deleting) || !deleting.every(isNamed))
    return null
  if (!isBrokerConfig(brokerConfig) || !Array.isArray(quotas) || !quotas.every(isQuota)) return null
  if (new Set(topics.map(topic => topic.name)).size < topics.length) return null
  return { clusterId, nextProducerId: BigInt(nextProducerId), topics, deleting, brokerConfig, quotas }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function isNamed(value: unknown): value is { name: string; id: string } {
  if (!isObject(value) || typeof value.name !== 'string' || typeof value.id !== 'string') return false
  return topicNameProblem(value.name) === null && isTopicId(value.id)
}

/** Sixteen bytes in base64url. It becomes part of a file's name. */
export const isTopicId = (id: string): boolean => /^[A-Za-z0-9_-]{22}$/.test(id)

const isEntries = (value: unknown): value is Entries =>
  isObject(value) && Object.values(value).every(set => typeof set === 'string')

const isBrokerConfig = (value: unknown): value is StoredState['brokerConfig'] =>
  isObject(value) && isEntries(value.allBrokers) && isEntries(value.broker)

const isQuota = (value: unknown): value is StoredQuota =>
  isObject(value) &&
  isEntries(value.values) &&
  isObject(value.entity) &&
  Object.values(value.entity).every(name => name === null || typeof name === 'string')

function isTopic(value: unknown): value is StoredTopic {
  if (!isNamed(value)) return false
  const { internal, config, partitions } = value as Record<string, unknown> & { name: string }
  return (
    typeof internal === 'boolean' &&
    isEntries(config) &&
    Array.isArray(partitions) &&
    partitions.length > 0 &&
    partitions.every(isPartition)
  )
}

function isPartition(value: unknown): value is StoredPartition {
  if (!isObject(value) || !Array.isArray(value.replicas) || !Number.isInteger(value.leaderEpoch)) return false
  return value.replicas.every(id => Number.isInteger(id)) && (value.leaderEpoch as number) >= 0
}
