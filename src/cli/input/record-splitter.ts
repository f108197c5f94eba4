import { invariant } from '../../base/invariant.ts'

export interface SplitterOptions {
  /** What ends a record; null where the whole input is one record. */
  delimiter: Uint8Array | null
  /** Takes a `\r` before the delimiter away, for lines that end in CR LF. */
  cutCarriageReturn?: boolean
  /** A longer record is not kept in memory: it is skipped and told as `Oversized`. */
  maxRecordBytes: number
}

/** Stands for a record that was longer than `maxRecordBytes`; its bytes are gone. */
export class Oversized {
  readonly bytes: number

  constructor(bytes: number) {
    this.bytes = bytes
  }
}

const CARRIAGE_RETURN = 0x0d
const nothing = Buffer.alloc(0)

/**
 * Cuts a stream of chunks into records without decoding them, so that bytes which are not UTF-8 pass unchanged. It holds at most one
 * unfinished record. What `next` gives may be a view of the chunk, good until the next `feed`.
 */
export class RecordSplitter {
  readonly #delimiter: Uint8Array | null
  /** The delimiter as `indexOf` finds it fastest. */
  readonly #needle: Uint8Array | number | null
  readonly #cutCarriageReturn: boolean
  readonly #maxRecordBytes: number
  #chunk: Buffer = nothing
  #position = 0
  #held: Buffer[] = []
  #heldBytes = 0
  /** Bytes of the unfinished record that were thrown away since it is too long already. */
  #droppedBytes = 0
  #finished = false
  #number = 0

  constructor(options: SplitterOptions) {
    invariant(options.delimiter === null || options.delimiter.length > 0, 'a delimiter has at least one byte')
    this.#delimiter = options.delimiter
    this.#needle = options.delimiter?.length === 1 ? options.delimiter[0]! : options.delimiter
    this.#cutCarriageReturn = options.cutCarriageReturn ?? false
    this.#maxRecordBytes = options.maxRecordBytes
  }

  /** The number of the record that `next` gave last; the first is 1. */
  get number(): number {
    return this.#number
  }

  /** Takes the next piece of the input. Everything before it must have been taken out with `next`. */
  feed(chunk: Buffer): void {
    // Only the beginning of a longer delimiter can be left: it is searched again together with what follows it.
    const left = this.#chunk.subarray(this.#position)
    this.#chunk = left.length === 0 ? chunk : Buffer.concat([left, chunk])
    this.#position = 0
  }

  /** The input has ended: what is still held is a record, unless it is empty; without a delimiter also an empty input is one. */
  finish(): void {
    this.#finished = true
  }

  next(): Buffer | Oversized | undefined {
    const end = this.#needle === null ? -1 : this.#chunk.indexOf(this.#needle, this.#position)
    if (end !== -1) {
      const last = this.#chunk.subarray(this.#position, end)
      this.#position = end + this.#delimiter!.length
      return this.#emit(last)
    }
    const keep = this.#finished || this.#delimiter === null ? 0 : this.#delimiter.length - 1
    const holdUntil = Math.max(this.#position, this.#chunk.length - keep)
    this.#hold(this.#chunk.subarray(this.#position, holdUntil))
    this.#position = holdUntil
    if (!this.#finished) return undefined
    const emptyWhole = this.#delimiter === null && this.#number === 0
    return this.#heldBytes + this.#droppedBytes > 0 || emptyWhole ? this.#emit(nothing) : undefined
  }

  #hold(piece: Buffer): void {
    if (piece.length === 0) return
    if (this.#droppedBytes > 0 || this.#heldBytes + piece.length > this.#maxRecordBytes + 1) {
      // One byte more than allowed may be held: it can be the carriage return that is cut.
      this.#droppedBytes += this.#heldBytes + piece.length
      this.#held = []
      this.#heldBytes = 0
      return
    }
    this.#held.push(piece)
    this.#heldBytes += piece.length
  }

  #emit(last: Buffer): Buffer | Oversized {
    this.#number++
    let record = last
    if (this.#heldBytes > 0 || this.#droppedBytes > 0) {
      this.#hold(last)
      const bytes = this.#droppedBytes
      record = bytes > 0 ? nothing : Buffer.concat(this.#held, this.#heldBytes)
      this.#held = []
      this.#heldBytes = 0
      this.#droppedBytes = 0
      if (bytes > 0) return new Oversized(bytes)
    }
    if (this.#cutCarriageReturn && record[record.length - 1] === CARRIAGE_RETURN) record = record.subarray(0, -1)
    return record.length > this.#maxRecordBytes ? new Oversized(record.length) : record
  }
}
