import { describeLibrary } from '../library-cells.ts'
import { nodeLibrary } from '../library-places.ts'

// Its producer does not compress, and it has no transactions. Of administration it offers the bare requests.
describeLibrary({
  ...nodeLibrary('kafka-ts', 'kafka-ts.mjs'),
  writes: ['none'],
  reads: ['none', 'gzip', 'zstd'],
  operations: ['group', 'createTopic'],
})
