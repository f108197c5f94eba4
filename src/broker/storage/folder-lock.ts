import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { KafkaError } from '../../base/errors/index.ts'

const lockName = '.lock'

interface Owner {
  readonly pid: number
  /** When the process began, where the system tells: another process may have the id of one that died. */
  readonly started: string | null
}

/**
 * Says that a folder is in use, so that two brokers never write to it: a file with the id of the process. The lock of a
 * process that is gone is taken over; of two that try it at once, one gets it.
 */
export class FolderLock {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** @throws KafkaError `DATA_DIR_IN_USE`, which names folder and process. */
  static take(folder: string): FolderLock {
    mkdirSync(folder, { recursive: true })
    const path = `${folder}/${lockName}`
    const mine = `${path}.${process.pid}`
    writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Owner))
    try {
      for (;;) {
        if (linked(mine, path)) return new FolderLock(path)
        const found = contentOf(path)
        const owner = found === null ? null : ownerOf(found)
        if (owner && lives(owner)) throw inUse(folder, owner.pid, path)
        if (found !== null) takeAway(path, found, folder)
      }
    } finally {
      rmSync(mine, { force: true })
    }
  }

  release(): void {
    rmSync(this.#path, { force: true })
  }
}

/** A hard link is made whole or not at all, with its content. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Removes a dead process's lock, and nobody else's: somebody may have taken it over since it was read. */
function takeAway(path: string, dead: string, folder: string): void {
  const aside = `${path}.${process.pid}.dead`
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = contentOf(aside)
  if (moved !== null && moved !== dead) {
    linked(aside, path)
    rmSync(aside)
    throw inUse(folder, ownerOf(moved)?.pid ?? 0, path)
  }
  rmSync(aside, { force: true })
}

function inUse(folder: string, pid: number, path: string): KafkaError {
  const message = `${folder} is in use by another broker, in process ${pid}; close that one or choose another folder (if that process is no broker, delete ${path})`
  return new KafkaError('DATA_DIR_IN_USE', message)
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** null: not one of our locks, or half of one. */
function ownerOf(content: string): Owner | null {
  try {
    const { pid, started } = JSON.parse(content) as Partial<Owner>
    if (!Number.isInteger(pid) || pid! <= 0) return null
    return { pid: pid!, started: typeof started === 'string' ? started : null }
  } catch {
    return null
  }
}

function lives({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0) // 0 asks only
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = startOf(pid)
  return started === null || now === null || started === now
}

/** Field 22 of /proc/pid/stat: the time since boot at which the process began. null where there is no /proc. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
