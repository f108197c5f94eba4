import { message } from '../message.ts'
import { array, field, int8, int16, int32, int64, nullable, records, string, struct, uuid } from '../types.ts'

/**
 * Reads record batches. v4 isolation level and record batch v2; v7 fetch sessions (KIP-227); v9 leader epochs (KIP-320);
 * v10 zstd (KIP-110); v11 rack (KIP-392); v12 flexible; v13 topic ids in place of names (KIP-516); v15 replica state
 * (KIP-903); v17 directory ids (KIP-853); v18 the follower's high watermark (KIP-1166). Source: FetchRequest.json.
 */
export const fetchRequest = message({
  name: 'FetchRequest',
  key: 1,
  versions: [4, 18],
  flexible: 12,
  fields: {
    clusterId: field(nullable(string, 12), { from: 12, tag: 0, default: null }),
    replicaId: field(int32, { to: 14, default: -1 }),
    replicaState: field(
      struct('ReplicaState', {
        replicaId: field(int32, { from: 15, default: -1 }),
        replicaEpoch: field(int64, { from: 15, default: -1n }),
      }),
      { from: 15, tag: 1, default: { replicaId: -1, replicaEpoch: -1n } },
    ),
    maxWaitMs: field(int32),
    minBytes: field(int32),
    maxBytes: field(int32, { from: 3, default: 0x7fffffff }),
    isolationLevel: field(int8, { from: 4, default: 0 }),
    sessionId: field(int32, { from: 7, default: 0 }),
    sessionEpoch: field(int32, { from: 7, default: -1 }), // -1: no session
    topics: field(
      array(
        struct('FetchTopic', {
          topic: field(string, { to: 12, default: '' }),
          topicId: field(uuid, { from: 13, default: uuid.zero }),
          partitions: field(
            array(
              struct('FetchPartition', {
                partition: field(int32),
                currentLeaderEpoch: field(int32, { from: 9, default: -1 }),
                fetchOffset: field(int64),
                lastFetchedEpoch: field(int32, { from: 12, default: -1 }),
                logStartOffset: field(int64, { from: 5, default: -1n }),
                partitionMaxBytes: field(int32),
                replicaDirectoryId: field(uuid, { from: 17, tag: 0, default: uuid.zero }),
                highWatermark: field(int64, { from: 18, tag: 1, default: 0x7fffffffffffffffn }),
              }),
            ),
          ),
        }),
      ),
    ),
    forgottenTopicsData: field(
      array(
        struct('ForgottenTopic', {
          topic: field(string, { from: 7, to: 12, default: '' }),
          topicId: field(uuid, { from: 13, default: uuid.zero }),
          partitions: field(array(int32), { from: 7 }),
        }),
      ),
      { from: 7, default: [] },
    ),
    rackId: field(string, { from: 11, default: '' }),
  },
})

/** `records` is a view on the frame. Source: FetchResponse.json. */
export const fetchResponse = message({
  name: 'FetchResponse',
  key: 1,
  versions: [4, 18],
  flexible: 12,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    errorCode: field(int16, { from: 7, default: 0 }),
    sessionId: field(int32, { from: 7, default: 0 }),
    responses: field(
      array(
        struct('FetchableTopicResponse', {
          topic: field(string, { to: 12, default: '' }),
          topicId: field(uuid, { from: 13, default: uuid.zero }),
          partitions: field(
            array(
              struct('PartitionData', {
                partitionIndex: field(int32),
                errorCode: field(int16),
                highWatermark: field(int64),
                lastStableOffset: field(int64, { from: 4, default: -1n }),
                logStartOffset: field(int64, { from: 5, default: -1n }),
                divergingEpoch: field(
                  struct('EpochEndOffset', {
                    epoch: field(int32, { from: 12, default: -1 }),
                    endOffset: field(int64, { from: 12, default: -1n }),
                  }),
                  { from: 12, tag: 0, default: { epoch: -1, endOffset: -1n } },
                ),
                currentLeader: field(
                  struct('LeaderIdAndEpoch', {
                    leaderId: field(int32, { from: 12, default: -1 }),
                    leaderEpoch: field(int32, { from: 12, default: -1 }),
                  }),
                  { from: 12, tag: 1, default: { leaderId: -1, leaderEpoch: -1 } },
                ),
                snapshotId: field(
                  struct('SnapshotId', {
                    endOffset: field(int64, { default: -1n }),
                    epoch: field(int32, { default: -1 }),
                  }),
                  { from: 12, tag: 2, default: { endOffset: -1n, epoch: -1 } },
                ),
                abortedTransactions: field(
                  nullable(
                    array(
                      struct('AbortedTransaction', {
                        producerId: field(int64, { from: 4 }),
                        firstOffset: field(int64, { from: 4 }),
                      }),
                    ),
                    4,
                  ),
                  { from: 4, default: [] },
                ),
                preferredReadReplica: field(int32, { from: 11, default: -1 }),
                records: field(nullable(records)),
              }),
            ),
          ),
        }),
      ),
    ),
    nodeEndpoints: field(
      array(
        struct('NodeEndpoint', {
          nodeId: field(int32, { from: 16 }),
          host: field(string, { from: 16 }),
          port: field(int32, { from: 16 }),
          rack: field(nullable(string, 16), { from: 16, default: null }),
        }),
      ),
      { from: 16, tag: 0, default: [] },
    ),
  },
})
