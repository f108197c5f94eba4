/** What stands in for a body in the request log, and about how many bytes of memory that takes. */
export interface KeptBody {
  readonly body: unknown
  readonly sizeInBytes: number
}

/** About what V8 takes for an object or array, and for each of its places. */
const objectBytes = 40
const placeBytes = 16

/**
 * A body that may be kept: with bytes of its own, for those that were decoded are views, each of which keeps all in memory
 * that was read from the socket with it. What has no bytes in it stays the same object.
 */
export function keptBody(body: unknown): KeptBody {
  let sizeInBytes = 0
  const keep = (value: unknown): unknown => {
    if (typeof value === 'string') sizeInBytes += value.length
    if (typeof value !== 'object' || value === null) return value
    sizeInBytes += objectBytes
    if (ArrayBuffer.isView(value)) {
      sizeInBytes += objectBytes + value.byteLength
      return ownBytes(value as Uint8Array)
    }
    return Array.isArray(value) ? keepList(value) : keepRow(value as Record<string, unknown>)
  }
  const keepList = (list: readonly unknown[]): readonly unknown[] => {
    sizeInBytes += placeBytes * list.length
    let copy: unknown[] | undefined
    for (let index = 0; index < list.length; index++) {
      const kept = keep(list[index])
      if (kept === list[index]) continue
      copy ??= [...list]
      copy[index] = kept
    }
    return copy ?? list
  }
  const keepRow = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
    let copy: Record<string, unknown> | undefined
    for (const name in row) {
      sizeInBytes += placeBytes
      const kept = keep(row[name])
      if (kept === row[name]) continue
      copy ??= { ...row }
      copy[name] = kept
    }
    return copy ?? row
  }
  return { body: keep(body), sizeInBytes }
}

/** Not from the pool that small buffers share: one of them would keep all of it, 64 KiB since Node 24. */
function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
