export type CodecName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
type CodecId = 0 | 1 | 2 | 3 | 4

/** A way to compress the records of a batch. Ids and names are those of Kafka's CompressionType.java. */
export interface Codec {
  readonly id: CodecId
  readonly name: CodecName
  /**
   * Compresses at once. `level` counts where the codec has levels: gzip −1 or 1 to 9 (default −1, which is 6), zstd
   * −131072 to 22 (default 3). snappy has none, and the lz4 library has only its fast one.
   * Throws RangeError for a level that Kafka does not allow.
   */
  compress(input: Uint8Array, level?: number): Uint8Array
  /** The same in a thread of libuv's pool, where the codec can; `input` must not change until it is done. */
  compressAsync(input: Uint8Array, level?: number): Promise<Uint8Array>
  /**
   * Gives back what was compressed, of at most `maxBytes`. Throws DecodeError for bytes that are damaged, and for
   * those that would become more than `maxBytes`; memory is not taken for what was merely announced.
   */
  decompress(input: Uint8Array, maxBytes: number): Buffer
}

export const codecNames: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Kafka's levels (KIP-390): lowest, highest, default. Codecs without levels are not here. */
const compressionLevels = {
  gzip: { lowest: -1, highest: 9, standard: -1 },
  lz4: { lowest: 1, highest: 17, standard: 9 },
  zstd: { lowest: -131072, highest: 22, standard: 3 },
} as const

/** `level`, or the codec's default; a RangeError for what Kafka would refuse. */
export function checkLevel(name: keyof typeof compressionLevels, level: number | undefined): number {
  const { lowest, highest, standard } = compressionLevels[name]
  if (level === undefined) return standard
  const forbidden = name === 'gzip' && level === 0
  if (!Number.isInteger(level) || level < lowest || level > highest || forbidden) {
    const allowed = name === 'gzip' ? '-1 or 1 to 9' : `${lowest} to ${highest}`
    throw new RangeError(`${name} level ${level} is not allowed; levels are ${allowed}`)
  }
  return level
}

/** A view on the same bytes; codecs with native parts take only Buffers in places. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
