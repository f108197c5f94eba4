export interface Packed {
  readonly filename?: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}
export const limits: { readonly packedBytes: number; readonly unpackedBytes: number }
export function pack(destination?: string): Packed
export function tarballProblems(packed: Packed, manifest: object): string[]
export function readManifest(): object
