/** A claim about our own code did not hold. It is a bug in ottla, never a fault of the caller or the cluster. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Asserts a claim about our own state; the message says the claim, not the failure. */
export function invariant(claim: unknown, message: string): asserts claim {
  if (!claim) throw new InvariantError(`invariant broken: ${message}`)
}
