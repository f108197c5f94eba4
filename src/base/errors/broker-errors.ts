/**
 * Whether a broker that answers a Produce request with this code may have appended the batch all the same.
 * With acks=all the leader appends first and waits for its followers afterwards; some codes are born in that wait.
 */
export type Appended = 'no' | 'maybe' | 'yes'

/** What one of Kafka's error codes means to a producer. */
export interface BrokerErrorCode {
  readonly code: number
  /** Kafka's own name. */
  readonly name: string
  /** The same request may succeed later (RetriableException in Java). */
  readonly retriable: boolean
  /** Our picture of the cluster is out of date (InvalidMetadataException in Java). */
  readonly refreshesMetadata: boolean
  readonly appended: Appended
}

const R = true
const rows: readonly [
  code: number,
  name: string,
  appended: Appended,
  retriable?: boolean,
  refreshesMetadata?: boolean,
][] = [
  [-1, 'UNKNOWN_SERVER_ERROR', 'maybe'],
  [0, 'NONE', 'yes'],
  [1, 'OFFSET_OUT_OF_RANGE', 'no'],
  [2, 'CORRUPT_MESSAGE', 'no', R],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', 'maybe', R, R],
  [4, 'INVALID_FETCH_SIZE', 'no'],
  [5, 'LEADER_NOT_AVAILABLE', 'maybe', R, R],
  [6, 'NOT_LEADER_OR_FOLLOWER', 'maybe', R, R],
  [7, 'REQUEST_TIMED_OUT', 'maybe', R],
  [8, 'BROKER_NOT_AVAILABLE', 'maybe'],
  [9, 'REPLICA_NOT_AVAILABLE', 'maybe', R, R],
  [10, 'MESSAGE_TOO_LARGE', 'no'],
  [11, 'STALE_CONTROLLER_EPOCH', 'maybe'],
  [12, 'OFFSET_METADATA_TOO_LARGE', 'no'],
  [13, 'NETWORK_EXCEPTION', 'maybe', R, R],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', 'maybe', R],
  [15, 'COORDINATOR_NOT_AVAILABLE', 'maybe', R],
  [16, 'NOT_COORDINATOR', 'maybe', R],
  [17, 'INVALID_TOPIC_EXCEPTION', 'no'],
  [18, 'RECORD_LIST_TOO_LARGE', 'no'],
  [19, 'NOT_ENOUGH_REPLICAS', 'no', R],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'maybe', R],
  [21, 'INVALID_REQUIRED_ACKS', 'no'],
  [22, 'ILLEGAL_GENERATION', 'no'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', 'no'],
  [24, 'INVALID_GROUP_ID', 'no'],
  [25, 'UNKNOWN_MEMBER_ID', 'no'],
  [26, 'INVALID_SESSION_TIMEOUT', 'no'],
  [27, 'REBALANCE_IN_PROGRESS', 'no'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', 'no'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', 'no'],
  [30, 'GROUP_AUTHORIZATION_FAILED', 'no'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', 'no'],
  [32, 'INVALID_TIMESTAMP', 'no'],
  [33, 'UNSUPPORTED_SASL_MECHANISM', 'no'],
  [34, 'ILLEGAL_SASL_STATE', 'no'],
  [35, 'UNSUPPORTED_VERSION', 'no'],
  [36, 'TOPIC_ALREADY_EXISTS', 'no'],
  [37, 'INVALID_PARTITIONS', 'no'],
  [38, 'INVALID_REPLICATION_FACTOR', 'no'],
  [39, 'INVALID_REPLICA_ASSIGNMENT', 'no'],
  [40, 'INVALID_CONFIG', 'no'],
  [41, 'NOT_CONTROLLER', 'no', R],
  [42, 'INVALID_REQUEST', 'no'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'no'],
  [44, 'POLICY_VIOLATION', 'no'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'no'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', 'yes'],
  [47, 'INVALID_PRODUCER_EPOCH', 'no'],
  [48, 'INVALID_TXN_STATE', 'no'],
  [49, 'INVALID_PRODUCER_ID_MAPPING', 'no'],
  [50, 'INVALID_TRANSACTION_TIMEOUT', 'no'],
  [51, 'CONCURRENT_TRANSACTIONS', 'no', R],
  [52, 'TRANSACTION_COORDINATOR_FENCED', 'no'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'no'],
  [54, 'SECURITY_DISABLED', 'no'],
  [55, 'OPERATION_NOT_ATTEMPTED', 'no'],
  [56, 'KAFKA_STORAGE_ERROR', 'maybe', R, R],
  [57, 'LOG_DIR_NOT_FOUND', 'maybe'],
  [58, 'SASL_AUTHENTICATION_FAILED', 'no'],
  [59, 'UNKNOWN_PRODUCER_ID', 'maybe'],
  [60, 'REASSIGNMENT_IN_PROGRESS', 'no'],
  [68, 'NON_EMPTY_GROUP', 'no'],
  [69, 'GROUP_ID_NOT_FOUND', 'no'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', 'no', R],
  [71, 'INVALID_FETCH_SESSION_EPOCH', 'no', R],
  [72, 'LISTENER_NOT_FOUND', 'maybe', R, R],
  [73, 'TOPIC_DELETION_DISABLED', 'no'],
  [74, 'FENCED_LEADER_EPOCH', 'maybe', R, R],
  [75, 'UNKNOWN_LEADER_EPOCH', 'maybe', R],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE', 'no'],
  [77, 'STALE_BROKER_EPOCH', 'maybe'],
  [78, 'OFFSET_NOT_AVAILABLE', 'maybe', R],
  [79, 'MEMBER_ID_REQUIRED', 'no'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', 'maybe', R, R],
  [81, 'GROUP_MAX_SIZE_REACHED', 'no'],
  [82, 'FENCED_INSTANCE_ID', 'no'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', 'no', R, R],
  [84, 'ELECTION_NOT_NEEDED', 'no', R, R],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', 'no'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', 'no'],
  [87, 'INVALID_RECORD', 'no'],
  [88, 'UNSTABLE_OFFSET_COMMIT', 'no', R],
  [89, 'THROTTLING_QUOTA_EXCEEDED', 'no', R],
  [90, 'PRODUCER_FENCED', 'no'],
  [91, 'RESOURCE_NOT_FOUND', 'no'],
  [92, 'DUPLICATE_RESOURCE', 'no'],
  [93, 'UNACCEPTABLE_CREDENTIAL', 'no'],
  [95, 'INVALID_UPDATE_VERSION', 'no'],
  [96, 'FEATURE_UPDATE_FAILED', 'no'],
  [97, 'PRINCIPAL_DESERIALIZATION_FAILURE', 'no'],
  [100, 'UNKNOWN_TOPIC_ID', 'maybe', R, R],
  [101, 'DUPLICATE_BROKER_REGISTRATION', 'no'],
  [103, 'INCONSISTENT_TOPIC_ID', 'maybe', R, R],
  [104, 'INCONSISTENT_CLUSTER_ID', 'no'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND', 'no'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', 'no', R],
  [113, 'STALE_MEMBER_EPOCH', 'no'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', 'no'],
  [118, 'TELEMETRY_TOO_LARGE', 'no'],
  [120, 'TRANSACTION_ABORTABLE', 'no'],
  [128, 'INVALID_REGULAR_EXPRESSION', 'no'],
  [129, 'REBOOTSTRAP_REQUIRED', 'maybe'],
]

const table = new Map<number, BrokerErrorCode>(
  rows.map(([code, name, appended, retriable = false, refreshesMetadata = false]) => [
    code,
    { code, name, appended, retriable, refreshesMetadata },
  ]),
)

/** All codes known here, in Kafka's order. Source: Errors.java. */
export const brokerErrorCodes: readonly BrokerErrorCode[] = [...table.values()]

/** What is known of a code. One that no list has is taken for "maybe appended", and is not retried on a guess. */
export function brokerErrorCode(code: number): BrokerErrorCode {
  return (
    table.get(code) ?? {
      code,
      name: `UNKNOWN_CODE_${code}`,
      retriable: false,
      refreshesMetadata: false,
      appended: 'maybe',
    }
  )
}

const byName = new Map(brokerErrorCodes.map(row => [row.name, row.code]))

/** The number of one of Kafka's error names. */
export function errorNumber(name: string): number {
  const code = byName.get(name)
  if (code === undefined) throw new RangeError(`no broker error is named ${name}`)
  return code
}
