import { describeLibrary } from '../library-cells.ts'
import { goLibrary } from '../library-places.ts'
import { codecs } from '../log-reader.ts'

describeLibrary({
  ...goLibrary('franz-go', 'github.com/twmb/franz-go', 'franz-go'),
  writes: codecs,
  reads: codecs,
  operations: [
    'group',
    'share',
    'transactions',
    'copy',
    'createTopic',
    'configs',
    'offsets',
    'groups',
    'deleteRecords',
  ],
})
