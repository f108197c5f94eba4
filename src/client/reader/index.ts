/** Reads a topic back: for `ottla tail`, not a public API. */

export type { FetchedRecord, StartAt } from './reader-options.ts'
export { TopicReader } from './topic-reader.ts'
