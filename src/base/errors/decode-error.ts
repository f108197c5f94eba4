/** The bytes are not what the protocol says they should be. Whoever reads from a socket turns this into a closed connection. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}
