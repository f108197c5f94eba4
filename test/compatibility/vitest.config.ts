import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = fileURLToPath(new URL('.', import.meta.url))

// Not a project of vitest.config.ts: these runs install and start other people's programs, and make a table. See README.md.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    name: 'compatibility',
    include: [`${here}clients/*.test.ts`],
    globalSetup: [`${here}global-setup.ts`],
    pool: 'forks',
    maxWorkers: 2,
    hookTimeout: 30_000,
  },
})
