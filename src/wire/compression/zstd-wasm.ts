import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** What the Emscripten module of @foxglove/wasm-zstd has for us. Pointers are unsigned 32 bits, 0 is "no memory". */
interface ZstdModule {
  HEAPU8: Uint8Array
  _malloc(size: number): number
  _free(pointer: number): void
  _compressBound(size: number): number
  _compress(output: number, capacity: number, input: number, size: number, level: number): number
  _decompress(output: number, capacity: number, input: number, size: number): number
}

type Factory = (module: object) => unknown

interface Instance {
  readonly exports: object
}

/** The types of Node 20 do not have the global; only what is used here. */
interface WebAssemblyGlobal {
  Module: new (code: Uint8Array) => object
  Instance: new (module: object, imports: object) => Instance
}

export interface WasmZstd {
  compress(input: Uint8Array, level: number): Buffer
  /** null: damaged, or larger than `capacity`; the library does not tell which. */
  decompress(input: Uint8Array, capacity: number): Buffer | null
}

/**
 * Loads the package's module at once. Its own entry point compiles in the background and cannot be waited for by a
 * synchronous caller; Emscripten lets the embedder instantiate the module instead, which takes about 7 ms.
 */
export function loadWasmZstd(): WasmZstd {
  const require = createRequire(import.meta.url)
  const factory: Factory = require('@foxglove/wasm-zstd/dist/wasm-zstd.js')
  const code = readFileSync(require.resolve('@foxglove/wasm-zstd/dist/wasm-zstd.wasm'))
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyGlobal }
  const loading: Partial<ZstdModule> & object = {
    instantiateWasm(imports: object, done: (instance: Instance) => void) {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(code), imports)
      done(instance)
      return instance.exports
    },
  } as object
  factory(loading)
  if (!loading._compress || !loading._malloc) throw new Error('the zstd module did not start')
  const zstd = loading as ZstdModule

  function run(input: Uint8Array, capacity: number, call: (output: number, source: number) => number): Buffer | null {
    // The module shares one heap: a null pointer must never be written to.
    const source = zstd._malloc(Math.max(1, input.length)) >>> 0
    const output = source && zstd._malloc(Math.max(1, capacity)) >>> 0
    try {
      if (!source || !output) throw new RangeError(`no memory for ${input.length} and ${capacity} bytes in zstd`)
      zstd.HEAPU8.set(input, source)
      const size = call(output, source)
      return size < 0 ? null : Buffer.from(zstd.HEAPU8.subarray(output, output + size))
    } finally {
      if (output) zstd._free(output)
      if (source) zstd._free(source)
    }
  }

  return {
    compress(input, level) {
      const capacity = zstd._compressBound(input.length)
      const result = run(input, capacity, (output, source) =>
        zstd._compress(output, capacity, source, input.length, level),
      )
      if (result === null) throw new Error(`zstd could not compress ${input.length} bytes`)
      return result
    },
    decompress: (input, capacity) =>
      run(input, capacity, (output, source) => zstd._decompress(output, capacity, source, input.length)),
  }
}
