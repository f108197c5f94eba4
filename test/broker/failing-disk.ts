import { vi } from 'vitest'
import { LogFile, StorageError } from '../../src/broker/storage/open-files.ts'

/** From now on nothing can be written to the files whose path matches, as on a full disk. Mended where it goes out of scope, or before. */
export function failingDisk(path: RegExp): { mend(): void; [Symbol.dispose](): void } {
  const { write } = LogFile.prototype
  const spy = vi.spyOn(LogFile.prototype, 'write').mockImplementation(function (this: LogFile, bytes, position) {
    if (path.test(this.path)) throw new StorageError('write', this.path, new Error('ENOSPC: no space left on device'))
    write.call(this, bytes, position)
  })
  return { mend: () => spy.mockRestore(), [Symbol.dispose]: () => spy.mockRestore() }
}
