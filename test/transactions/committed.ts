import { systemClock } from '../../src/base/time/clock.ts'
import { resolveOptions } from '../../src/client/producer/options.ts'
import { TopicReader } from '../../src/client/reader/index.ts'

/** The values that a reader of committed records sees up to the last stable offset, partition by partition. */
export async function committedValues(
  bootstrapServers: string,
  topic: string,
  withPartition = false,
): Promise<string[]> {
  const reader = new TopicReader({
    ...resolveOptions({ bootstrapServers, requestTimeoutMs: 5000 }),
    ...{ topic, partitions: undefined, start: { at: 'beginning' }, isolation: 'read_committed', follow: false },
    ...{ apiTimeoutMs: 10_000, clock: systemClock, random: Math.random, onNotice: () => {} },
  })
  await reader.open()
  const found: { partition: number; value: string }[] = []
  for await (const records of reader.batches())
    for (const { partition, value } of records) found.push({ partition, value: String(value) })
  await reader.close()
  return found
    .sort((a, b) => a.partition - b.partition)
    .map(({ partition, value }) => (withPartition ? `${partition} ${value}` : value))
}
