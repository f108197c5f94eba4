// Checks what would be published: the files in the tarball and its size, then publint and are-the-types-wrong.
// Needs a build: npm run build && node scripts/check-package.mjs
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The bounds of the package; raise them only for something that users get. */
export const limits = { packedBytes: 900 * 1024, unpackedBytes: 4 * 1024 * 1024 }

const allowed = [/^dist\/.+\.(js|js\.map|d\.ts)$/, /^(README|CHANGELOG)\.md$/, /^LICENSE$/, /^package\.json$/]
const required = ['README.md', 'CHANGELOG.md', 'LICENSE', 'package.json']

/** What npm would pack, without building anew: { filename, size, unpackedSize, files: [{ path }] }. */
export function pack(destination) {
  const where = destination === undefined ? ['--dry-run'] : ['--pack-destination', destination]
  const given = ['pack', '--json', '--ignore-scripts', '--loglevel', 'error', ...where]
  return JSON.parse(execFileSync('npm', given, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }))[0]
}

/** What is wrong with the packed files. `manifest` is package.json: what it points at must be there. */
export function tarballProblems({ size, unpackedSize, files }, manifest) {
  const paths = new Set(files.map(file => file.path))
  const targets = [manifest.bin, manifest.exports].flatMap(targetsOf).map(target => target.replace(/^\.\//, ''))
  return [
    ...[...paths]
      .filter(path => !allowed.some(pattern => pattern.test(path)) || /\.test\./.test(path))
      .map(path => `${path} does not belong in the package`),
    ...[...new Set([...required, ...targets])]
      .filter(path => !paths.has(path))
      .map(path => `${path} is not in the package`),
    ...(size > limits.packedBytes ? [`the tarball has ${size} bytes, more than ${limits.packedBytes}`] : []),
    ...(unpackedSize > limits.unpackedBytes
      ? [`the files have ${unpackedSize} bytes, more than ${limits.unpackedBytes}`]
      : []),
  ]
}

const targetsOf = given =>
  typeof given === 'string'
    ? [given]
    : given === null || given === undefined
      ? []
      : Object.values(given).flatMap(targetsOf)

export const readManifest = () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-package-'))
  try {
    const manifest = readManifest()
    const packed = pack(folder)
    const problems = tarballProblems(packed, manifest)
    const { messages } = await publint({ pkgDir: root, strict: true, level: 'suggestion', pack: false })
    problems.push(...messages.map(message => `publint: ${formatMessage(message, manifest, { color: false })}`))
    for (const problem of problems) console.error(problem)
    const attw = fileURLToPath(new URL('dist/index.js', import.meta.resolve('@arethetypeswrong/cli/package.json')))
    const given = [attw, join(folder, packed.filename), '--profile', 'esm-only', '--no-color', '--no-emoji']
    const { status } = spawnSync(process.execPath, given, { stdio: 'inherit' })
    if (problems.length > 0 || status !== 0) process.exitCode = 1
    else
      console.log(`package: ${packed.files.length} files, ${packed.size} bytes packed, ${packed.unpackedSize} unpacked`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
