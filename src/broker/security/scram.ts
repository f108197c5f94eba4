import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'

/** Kafka's name of a SCRAM mechanism, and Node's of its hash. */
export const scramHashes = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const
export type ScramMechanism = keyof typeof scramHashes
type Hash = (typeof scramHashes)[ScramMechanism]

/** Kafka's least number of iterations. Source: ScramMechanism.java. */
const iterations = 4096

/** What is kept in place of a password. Source: RFC 5802, section 3. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

const hmac = (hash: Hash, key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
const hashed = (hash: Hash, bytes: Buffer) => createHash(hash).update(bytes).digest()

/** Salts and hashes a password. */
export function scramCredential(hash: Hash, password: string, salt: Buffer = randomBytes(16)): ScramCredential {
  const salted = pbkdf2Sync(password, salt, iterations, hashed(hash, salt).length, hash)
  const clientKey = hmac(hash, salted, 'Client Key')
  return { salt, iterations, storedKey: hashed(hash, clientKey), serverKey: hmac(hash, salted, 'Server Key') }
}

/** Whether this is the password, in a time that does not tell how nearly it is. */
export function isPassword(hash: Hash, { salt, storedKey }: ScramCredential, password: string): boolean {
  return timingSafeEqual(scramCredential(hash, password, salt).storedKey, storedKey)
}

/** A step of the exchange: what the server says, and who the client is once that is proven. */
export interface SaslStep {
  readonly token: Buffer
  readonly user: string | null
}

/** The server's side of one SCRAM exchange. Any error is a failed authentication. Source: RFC 5802, section 5; ScramSaslServer.java. */
export class ScramExchange {
  readonly #hash: Hash
  readonly #find: (user: string) => ScramCredential | undefined
  readonly #nonce: string
  #first: { user: string; credential: ScramCredential; channel: string; nonce: string; messages: string } | null = null

  constructor(
    mechanism: ScramMechanism,
    find: (user: string) => ScramCredential | undefined,
    nonce = randomBytes(18).toString('base64'),
  ) {
    this.#hash = scramHashes[mechanism]
    this.#find = find
    this.#nonce = nonce
  }

  next(token: Buffer): SaslStep {
    return this.#first ? this.#proof(token.toString('utf8')) : this.#hello(token.toString('utf8'))
  }

  #hello(message: string): SaslStep {
    // No channel binding, no authorization as somebody else but oneself, no extension that must be understood.
    const parts = /^(n,(?:a=([^,]*))?,)(n=([^,]+),r=([!-+\--~]+)(?:,.*)?)$/.exec(message)
    if (!parts) throw new Error('the first message of SCRAM is not understood')
    const [, channel = '', authorized = '', bare = '', name = '', clientNonce = ''] = parts
    const user = unescaped(name)
    if (authorized !== '' && unescaped(authorized) !== user) throw new Error('nobody may speak for somebody else')
    const credential = this.#find(user)
    if (!credential) throw new Error('there is no such user')
    const nonce = clientNonce + this.#nonce
    const answer = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.#first = { user, credential, channel, nonce, messages: `${bare},${answer}` }
    return { token: Buffer.from(answer), user: null }
  }

  #proof(message: string): SaslStep {
    const { user, credential, channel, nonce, messages } = this.#first!
    const parts = /^(c=([^,]+),r=([^,]+)(?:,[^p].*)?),p=([A-Za-z0-9+/=]+)$/.exec(message)
    if (!parts) throw new Error('the last message of SCRAM is not understood')
    const [, withoutProof = '', binding = '', gotNonce = '', proofText = ''] = parts
    // The RFC wants the same nonce; Kafka takes one that ends so, and librdkafka 2.0 puts its own in front once more.
    if (Buffer.from(binding, 'base64').toString('utf8') !== channel || !gotNonce.endsWith(nonce))
      throw new Error('the last message of SCRAM does not follow from the first')
    const signed = `${messages},${withoutProof}`
    const signature = hmac(this.#hash, credential.storedKey, signed)
    const proof = Buffer.from(proofText, 'base64')
    if (proof.length !== signature.length) throw new Error('the proof has another length')
    const clientKey = Buffer.from(proof.map((byte, index) => byte ^ signature[index]!))
    if (!timingSafeEqual(hashed(this.#hash, clientKey), credential.storedKey)) throw new Error('another password')
    return { token: Buffer.from(`v=${hmac(this.#hash, credential.serverKey, signed).toString('base64')}`), user }
  }
}

/** A name may hold a comma or an equals sign, as =2C and =3D. */
function unescaped(name: string): string {
  if (/=(?!2C|3D)/.test(name)) throw new Error('the name is not written as it must be')
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
