import { defineConfig } from 'vitest/config'

// Two projects. `unit` needs nothing but Node. `kafka` runs the scenarios on the embedded broker and on a real Kafka, whose
// brokers start in the background (test/kafka/global-setup.ts) while the unit tests run, and tries other people's brokers and
// clients (test/interop), some of which it downloads; one file at a time, since some of them stop brokers.
const kafkaTests = ['test/scenarios/**/*.test.ts', 'test/kafka/**/*.test.ts', 'test/interop/**/*.test.ts']

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          // The compatibility table has a configuration and a command of its own (npm run compatibility).
          exclude: [...kafkaTests, 'test/compatibility/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'kafka',
          include: kafkaTests,
          globalSetup: ['test/kafka/global-setup.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
