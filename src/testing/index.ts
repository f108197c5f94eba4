/** For tests of programs that use ottla: a producer that sends nothing, time that stands still, and a broker beside a blocked thread. */

export type { Clock, Timer } from '../base/time/clock.ts'
export type {
  ConsumedOffset,
  ConsumerGroupMetadata,
  Transaction,
  TransactionalProducer,
} from '../client/producer/transactions.ts'
export {
  type BrokerInThread,
  startBrokerInThread,
  type ThreadBrokerOptions,
  type ThreadFault,
  type ThreadFaults,
} from './broker-thread.ts'
export { ManualClock, type ManualClockOptions } from './manual-clock.ts'
export type { MockProducerOptions } from './mock-options.ts'
export { MockProducer, type MockStoredRecord } from './mock-producer.ts'
export type { CommittedOffset, GroupOffsets } from './mock-transactions.ts'
