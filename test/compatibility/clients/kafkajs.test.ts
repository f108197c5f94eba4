import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { everyOperation } from '../library.ts'
import { describeLibrary } from '../library-cells.ts'

const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string }

describeLibrary({
  name: 'kafkajs',
  version,
  start: { program: process.execPath, args: [fileURLToPath(new URL('../programs/node/kafkajs.mjs', import.meta.url))] },
  // The others are codecs that its user brings.
  writes: ['none', 'gzip'],
  reads: ['none', 'gzip'],
  operations: everyOperation,
})
