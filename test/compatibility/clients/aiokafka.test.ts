import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'
import { pythonLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...pythonLibrary('aiokafka', 'aio_kafka.py'),
  writes: codecs,
  reads: codecs,
  operations: everyOperation.filter(operation => operation !== 'groups'),
})
