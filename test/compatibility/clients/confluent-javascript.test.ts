import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'
import { compiledLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...compiledLibrary('@confluentinc/kafka-javascript', 'confluent.mjs'),
  writes: codecs,
  reads: codecs,
  lacks: ['growing topics', 'empty values'],
  operations: everyOperation.filter(operation => operation !== 'configs'),
})
