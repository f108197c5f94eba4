import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limits, pack, readManifest, tarballProblems } from '../../scripts/check-package.mjs'

const built = existsSync(new URL('../../dist/index.js', import.meta.url))
const documents = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'package.json',
  'monitoring/grafana-dashboard.json',
  'monitoring/prometheus-rules.yml',
]
const packed = (...paths: string[]) => ({
  size: 1000,
  unpackedSize: 4000,
  files: [...documents, ...paths].map(path => ({ path })),
})

test('the package holds the build and its documents, everything that package.json points at, and is small', () => {
  expect(built, 'there is no build: npm run build').toBe(true)

  expect(tarballProblems(pack(), readManifest())).toEqual([])
})

test.each(['src/index.ts', 'dist/index.ts', 'dist/index.test.js', '.env', 'test/x.js', 'dist/x.tsbuildinfo'])(
  '%s would be found in it',
  path => {
    expect(tarballProblems(packed(path), {})).toEqual([`${path} does not belong in the package`])
  },
)

test('what is missing would be found', () => {
  const manifest = { bin: { ottla: 'dist/cli/main.js' }, exports: { '.': { types: './dist/index.d.ts' } } }

  expect(tarballProblems({ ...packed(), files: [] }, manifest).sort()).toEqual(
    [...documents, 'dist/cli/main.js', 'dist/index.d.ts'].map(path => `${path} is not in the package`).sort(),
  )
})

test('a package that has grown would be found', () => {
  expect(tarballProblems({ ...packed(), size: limits.packedBytes + 1 }, {})).toHaveLength(1)
  expect(tarballProblems({ ...packed(), unpackedSize: limits.unpackedBytes + 1 }, {})).toHaveLength(1)
})
