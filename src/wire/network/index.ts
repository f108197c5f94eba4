export { type BrokerVersions, commonVersion, type FinalizedFeatures } from './api-versions.ts'
export type { Call, CallTarget } from './call.ts'
export { Connection, type ConnectionMeter } from './connection.ts'
