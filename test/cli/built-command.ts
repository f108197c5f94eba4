import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The path of the built command. `npm ci` builds it; it is built again where a source is newer. */
export async function builtCommand(): Promise<string> {
  const main = `${root}dist/cli/main.js`
  const built = await stat(main).then(
    file => file.mtimeMs,
    () => 0,
  )
  const sources = await readdir(`${root}src`, { recursive: true, withFileTypes: true })
  for (const source of sources) {
    if (!source.isFile() || !source.name.endsWith('.ts') || source.name.endsWith('.test.ts')) continue
    if ((await stat(`${source.parentPath}/${source.name}`)).mtimeMs > built) {
      const compiler = `${root}node_modules/typescript/bin/tsc`
      // It writes the files even where it finds a wrong type; that is for `npm run types` to say.
      const build = promisify(execFile)(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], { cwd: root })
      await build.catch(() => {})
      break
    }
  }
  return main
}
