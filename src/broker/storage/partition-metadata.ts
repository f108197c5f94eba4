import { readdirSync, readFileSync } from 'node:fs'
import { isInternalTopic } from '../coordinators/internal-topic.ts'
import { maxPartitions, topicNameProblem } from '../topic.ts'
import { readCheckpoint } from './checkpoint-file.ts'
import { isTopicId, type StoredTopic } from './meta-file.ts'
import { epochsFile } from './partition-folder.ts'
import { replaceFile } from './replace-file.ts'

export const metadataFile = 'partition.metadata'

/** The id of the topic that a partition's folder belongs to, or null where it does not say. Source: PartitionMetadataFile. */
export function readTopicId(folder: string): string | null {
  let text: string
  try {
    text = readFileSync(`${folder}/${metadataFile}`, 'latin1')
  } catch {
    return null
  }
  const id = /^version: 0\ntopic_id: (\S+)\n?$/.exec(text)?.[1]
  return id !== undefined && isTopicId(id) ? id : null
}

export function writeTopicId(folder: string, topicId: string): void {
  replaceFile(`${folder}/${metadataFile}`, `version: 0\ntopic_id: ${topicId}`, false)
}

/** The topics whose partitions lie in a data folder, as far as the folders tell: all but their configuration. */
export function topicsInFolder(dataDir: string): StoredTopic[] {
  const topics = new Map<string, StoredTopic & { partitions: { replicas: number[]; leaderEpoch: number }[] }>()
  for (const folder of readdirSync(dataDir)) {
    const [, name = '', index = ''] = /^(.+)-(\d{1,5})$/.exec(folder) ?? []
    const id = name === '' ? null : readTopicId(`${dataDir}/${folder}`)
    if (id === null || topicNameProblem(name) || Number(index) >= maxPartitions) continue
    const topic = topics.get(name) ?? { name, id, internal: isInternalTopic(name), config: {}, partitions: [] }
    if (topic.id !== id) continue
    topics.set(name, topic)
    while (topic.partitions.length <= Number(index)) topic.partitions.push({ replicas: [1], leaderEpoch: 0 })
    topic.partitions[Number(index)] = { replicas: [1], leaderEpoch: lastEpoch(`${dataDir}/${folder}`) }
  }
  return [...topics.values()]
}

function lastEpoch(folder: string): number {
  const epochs = (readCheckpoint(`${folder}/${epochsFile}`).entries ?? []).map(([epoch]) => Number(epoch))
  return epochs.reduce(
    (last, epoch) => (Number.isSafeInteger(epoch) && epoch < 2 ** 31 - 1 ? Math.max(last, epoch) : last),
    0,
  )
}
