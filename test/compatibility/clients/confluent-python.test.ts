import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'
import { pythonLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...pythonLibrary('confluent-kafka', 'confluent.py'),
  writes: codecs,
  reads: codecs,
  operations: everyOperation,
})
