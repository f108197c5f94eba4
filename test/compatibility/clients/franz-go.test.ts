import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'
import { goLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...goLibrary('franz-go', 'github.com/twmb/franz-go', 'franz-go'),
  writes: codecs,
  reads: codecs,
  operations: everyOperation,
})
