import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'
import { goLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...goLibrary('Sarama', 'github.com/IBM/sarama', 'sarama'),
  writes: codecs,
  reads: codecs,
  operations: everyOperation,
})
