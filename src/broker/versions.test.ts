import { describe, expect, test } from 'vitest'
import { apis } from '../wire/protocol/index.ts'
import type { KafkaApiName } from './api-names.ts'
import { type KafkaVersion, kafkaVersions, type MaxVersions, versionRanges } from './versions.ts'

const allNames = Object.keys(apis).map(name => `${name[0]!.toUpperCase()}${name.slice(1)}` as KafkaApiName)
const rangesOf = (release: KafkaVersion, limits?: MaxVersions) => versionRanges(allNames, release, limits)

describe('the versions of a release', () => {
  test('Kafka 4.3 speaks all that our tables have', () => {
    const ranges = rangesOf('4.3')
    for (const name of allNames)
      expect(ranges.get(name)).toEqual(
        apis[`${name[0]!.toLowerCase()}${name.slice(1)}` as keyof typeof apis].request.versions,
      )
  })

  test.for([
    // Groups: static members came in 2.3 and 2.4, protocol names with JoinGroup 7 (2.5), reasons in 3.2, the new protocol in 3.7.
    ['2.1', 'JoinGroup', [0, 3]],
    ['2.8', 'JoinGroup', [0, 7]],
    ['3.9', 'JoinGroup', [0, 9]],
    ['2.8', 'ConsumerGroupHeartbeat', undefined],
    ['3.9', 'ConsumerGroupHeartbeat', [0, 0]],
    ['3.9', 'OffsetFetch', [1, 9]],
    // Transactions: flexible versions and PRODUCER_FENCED in 2.8, KIP-890's first half in 3.9, the second in 4.0.
    ['2.1', 'AddPartitionsToTxn', [0, 1]],
    ['2.8', 'EndTxn', [0, 3]],
    ['3.9', 'EndTxn', [0, 4]],
    ['3.9', 'AddPartitionsToTxn', [0, 5]],
    ['2.8', 'DescribeTransactions', undefined],
    // Administration: KIP-664 began in 2.8 with DescribeProducers; KRaft's quorum is not in a broker with ZooKeeper.
    ['2.8', 'DescribeProducers', [0, 0]],
    ['2.1', 'IncrementalAlterConfigs', undefined],
    ['2.8', 'DescribeQuorum', undefined],
    ['3.9', 'DescribeQuorum', [0, 2]],
    ['3.9', 'ListConfigResources', [0, 0]],
    ['2.8', 'DescribeTopicPartitions', undefined],
    // The highest version of 2.1 is below the lowest that Kafka 4 still has.
    ['2.1', 'WriteTxnMarkers', undefined],
  ] as const)('Kafka %s: %s', ([release, name, range]) => {
    expect(rangesOf(release).get(name)).toEqual(range)
  })

  test('no release speaks less than the one before', () => {
    for (const [index, release] of kafkaVersions.entries())
      for (const [name, [, max]] of rangesOf(release))
        for (const later of kafkaVersions.slice(index))
          expect(rangesOf(later).get(name)![1]).toBeGreaterThanOrEqual(max)
  })

  test("the caller's limits lower a version, and take an API away", () => {
    const ranges = rangesOf('3.9', { JoinGroup: 5, Fetch: 99, Heartbeat: null, OffsetCommit: 1 })
    expect(ranges.get('JoinGroup')).toEqual([0, 5])
    expect(ranges.get('Fetch')).toEqual([4, 17])
    expect(ranges.has('Heartbeat')).toBe(false)
    expect(ranges.has('OffsetCommit')).toBe(false)
  })
})
