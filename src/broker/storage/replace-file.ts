import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { StorageError } from './open-files.ts'

/** What a file is called until it is whole. */
export const unfinished = '.tmp'

/**
 * Puts a file in the place of another, all or nothing: written beside it, flushed, renamed, and the folder flushed too.
 *
 * @param lasting - false: nothing is flushed, for what can be made anew after a power cut.
 */
export function replaceFile(path: string, content: string, lasting = true): void {
  try {
    const temporary = path + unfinished
    const descriptor = openSync(temporary, 'w', 0o644)
    try {
      writeFileSync(descriptor, content)
      if (lasting) fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, path)
  } catch (error) {
    throw new StorageError('write', path, error)
  }
  if (lasting) flushFolder(dirname(path))
}

/** Makes renamed and new files last over a power cut. Windows cannot, and does not need it. */
export function flushFolder(folder: string): void {
  let descriptor: number
  try {
    descriptor = openSync(folder, 'r')
  } catch {
    return
  }
  try {
    fsyncSync(descriptor)
  } catch {
    // Some file systems refuse it.
  } finally {
    closeSync(descriptor)
  }
}
