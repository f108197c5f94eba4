import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { KafkaError } from '../../base/errors/index.ts'

/** How many files are open at most; a process has 1,024 on most systems, and sockets need theirs. */
const defaultMaxOpen = 200

/** What the system said when a file of the log could not be read or written. Produce answers it with its code. */
export class StorageError extends KafkaError {
  override readonly name = 'StorageError'

  constructor(doing: string, path: string, cause: unknown) {
    super('KAFKA_STORAGE_ERROR', `cannot ${doing} ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}

/** Keeps the files used last open, and closes the others: a file that is used again is opened again. */
export class OpenFiles {
  readonly #max: number
  /** In the order of their last use. */
  readonly #open = new Map<LogFile, number>()
  #closed = false

  constructor(max: number = defaultMaxOpen) {
    this.#max = max
  }

  get size(): number {
    return this.#open.size
  }

  descriptor(file: LogFile): number {
    if (this.#closed) throw new StorageError('open', file.path, 'the broker is closed')
    const known = this.#open.get(file)
    if (known !== undefined) {
      this.#open.delete(file)
      this.#open.set(file, known)
      return known
    }
    if (this.#open.size >= this.#max) this.close(this.#open.keys().next().value!)
    const descriptor = file.open()
    this.#open.set(file, descriptor)
    return descriptor
  }

  close(file: LogFile): void {
    const descriptor = this.#open.get(file)
    if (descriptor === undefined) return
    this.#open.delete(file)
    closeSync(descriptor)
  }

  closeAll(): void {
    this.#closed = true
    for (const file of [...this.#open.keys()]) this.close(file)
  }
}

/** A file that is read and written by position. */
export class LogFile {
  readonly path: string
  readonly #files: OpenFiles
  #state: 'usable' | 'gone' = 'usable'

  constructor(files: OpenFiles, path: string) {
    this.#files = files
    this.path = path
  }

  /** Called by `OpenFiles` alone. The file is created where it is missing. */
  open(): number {
    if (this.#state === 'gone') throw new StorageError('open', this.path, 'its log is closed')
    return openSync(this.path, constants.O_RDWR | constants.O_CREAT, 0o644)
  }

  /** Writes all of `bytes`, whatever the system takes at once. */
  write(bytes: Buffer, position: number): void {
    this.#try('write', descriptor => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(descriptor(), bytes, done, bytes.length - done, position + done)
    })
  }

  /** Reads up to `length` bytes; fewer where the file ends. */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    return this.#try('read', descriptor => {
      let done = 0
      while (done < length) {
        const got = readSync(descriptor(), bytes, done, length - done, position + done)
        if (got === 0) break
        done += got
      }
      return bytes.subarray(0, done)
    })
  }

  size(): number {
    return this.#try('read', descriptor => fstatSync(descriptor()).size)
  }

  truncate(size: number): void {
    this.#try('cut off', descriptor => ftruncateSync(descriptor(), size))
  }

  sync(): void {
    this.#try('flush', descriptor => fdatasyncSync(descriptor()))
  }

  close(): void {
    this.#files.close(this)
  }

  /** Closes it for good: what has its name later is another file. */
  retire(): void {
    this.close()
    this.#state = 'gone'
  }

  delete(): void {
    this.retire()
    try {
      unlinkSync(this.path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new StorageError('delete', this.path, error)
    }
  }

  #try<T>(doing: string, act: (descriptor: () => number) => T): T {
    try {
      return act(() => this.#files.descriptor(this))
    } catch (error) {
      throw error instanceof StorageError ? error : new StorageError(doing, this.path, error)
    }
  }
}
