import { type Codec, type CodecName, codecNames } from './codec.ts'
import { gzip } from './gzip.ts'
import { makeLz4 } from './lz4.ts'
import { none } from './none.ts'
import { makeSnappy } from './snappy.ts'
import { makeZstd } from './zstd.ts'

export { type Codec, type CodecName, codecNames } from './codec.ts'

const loaded = new Map<CodecName, Codec>([
  ['none', none],
  ['gzip', gzip],
])

const makers = { snappy: makeSnappy, lz4: makeLz4, zstd: makeZstd } as const

/**
 * The codec of that name. Native and WASM libraries are loaded here, on the first call for them, not when ottla is
 * imported: up to some 30 ms, once. Throws an Error that names the codec where its library does not load on this platform.
 */
export function loadCodecSync(name: CodecName): Codec {
  const known = loaded.get(name)
  if (known) return known
  if (!Object.hasOwn(makers, name))
    throw new RangeError(`no codec is named ${name}; codecs are ${codecNames.join(', ')}`)
  let codec: Codec
  try {
    codec = makers[name as keyof typeof makers]()
  } catch (cause) {
    throw new Error(`the library for ${name} compression does not load on this platform`, { cause })
  }
  loaded.set(name, codec)
  return codec
}

/** As `loadCodecSync`; its errors reject the promise. */
export async function loadCodec(name: CodecName): Promise<Codec> {
  return loadCodecSync(name)
}

/** The codec with that id in a batch's attributes, loaded if need be; undefined for an id that Kafka does not know. */
export function codecById(id: number): Codec | undefined {
  const name = codecNames[id]
  return name === undefined ? undefined : loadCodecSync(name)
}
