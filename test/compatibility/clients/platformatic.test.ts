import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'
import { nodeLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...nodeLibrary('@platformatic/kafka', 'platformatic.mjs'),
  writes: codecs,
  reads: codecs,
  operations: everyOperation,
})
