import { errorNumber } from '../base/errors/index.ts'

/** What a refused change of the cluster is answered with. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError'
  /** Kafka's name. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Kafka's name of what was refused; rethrows what is our bug. */
export function refusedWith(error: unknown): string {
  if (error instanceof ClusterError) return error.code
  throw error
}

/** How what a change of the cluster has thrown is answered; rethrows what is our bug. */
export function refusalOf(error: unknown): { readonly errorCode: number; readonly errorMessage: string } {
  if (error instanceof ClusterError) return { errorCode: errorNumber(error.code), errorMessage: error.message }
  throw error
}
