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
