import { invariant } from '../../base/invariant.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { KafkaApiName } from '../api-names.ts'
import type { Credentials } from './credentials.ts'
import { type SaslStep, ScramExchange } from './scram.ts'
import type { SaslMechanism } from './security-options.ts'

/** What the SASL listeners of a cluster share. */
export interface SaslSettings {
  readonly mechanisms: readonly SaslMechanism[]
  readonly credentials: Credentials
  /** 0: a session does not end. */
  readonly sessionLifetimeMs: number
}

/**
 * ```
 * unneeded                          a listener without SASL
 * begin ──► tokens ──► authenticated ──► tokens (again, KIP-368)
 *   └─────► bareTokens ──┘               any of them ──► failed
 * ```
 */
type State = 'unneeded' | 'begin' | 'tokens' | 'bareTokens' | 'authenticated' | 'failed'

const moves: Readonly<Record<State, readonly State[]>> = {
  unneeded: [],
  begin: ['tokens', 'bareTokens', 'failed'],
  tokens: ['authenticated', 'failed'],
  bareTokens: ['authenticated', 'failed'],
  authenticated: ['tokens', 'bareTokens', 'failed'],
  failed: [],
}

type AuthenticationError = 'UNSUPPORTED_SASL_MECHANISM' | 'ILLEGAL_SASL_STATE' | 'SASL_AUTHENTICATION_FAILED'

/** What a token is answered with. */
export interface TokenAnswer {
  readonly error: AuthenticationError | null
  readonly message: string | null
  readonly token: Buffer
  readonly sessionLifetimeMs: number
}

/** Who is on the other side of a connection. Source: SaslServerAuthenticator.java. */
export class Authentication {
  readonly #sasl: SaslSettings | null
  readonly #clock: Clock
  #state: State
  #mechanism: SaslMechanism | null = null
  #exchange: ((token: Buffer) => SaslStep) | null = null
  #user: string | null = null
  #expiresAt = Number.POSITIVE_INFINITY

  constructor(sasl: SaslSettings | null, clock: Clock) {
    this.#sasl = sasl
    this.#clock = clock
    this.#state = sasl ? 'begin' : 'unneeded'
  }

  /** Who it is, for quotas: the user's name, or the one that Kafka gives to whoever need not say. Source: KafkaPrincipal.ANONYMOUS. */
  get principal(): string {
    return this.#user ?? 'ANONYMOUS'
  }

  get failed(): boolean {
    return this.#state === 'failed'
  }

  /** It is not known yet who is on the other side. */
  get isUnderWay(): boolean {
    return this.#state === 'begin' || this.#state === 'tokens' || this.#state === 'bareTokens'
  }

  /** The next frame is a token and nothing else: after version 0 of the handshake. */
  get wantsBareToken(): boolean {
    return this.#state === 'bareTokens'
  }

  /** Whether a request of this API may come now; if not, Kafka closes the connection. */
  admits(api: KafkaApiName): boolean {
    switch (this.#state) {
      case 'unneeded':
        return true
      case 'begin':
        return api === 'ApiVersions' || api === 'SaslHandshake'
      case 'tokens':
        return api === 'SaslAuthenticate'
      case 'authenticated':
        return api === 'SaslHandshake' || this.#clock.now() < this.#expiresAt
      case 'bareTokens':
      case 'failed':
        return false
    }
  }

  /** Begins an exchange. */
  handshake(mechanism: string, version: number): { error: AuthenticationError | null; mechanisms: readonly string[] } {
    const sasl = this.#sasl
    // A session without an end is not renewed. Source: SaslServerAuthenticator, KafkaApis.handleSaslHandshakeRequest.
    if (!sasl || (this.#state === 'authenticated' && sasl.sessionLifetimeMs === 0))
      return { error: 'ILLEGAL_SASL_STATE', mechanisms: [] }
    const known = sasl.mechanisms.find(name => name === mechanism)
    if (!known || (this.#mechanism !== null && this.#mechanism !== known)) {
      this.#move('failed')
      return { error: 'UNSUPPORTED_SASL_MECHANISM', mechanisms: sasl.mechanisms }
    }
    this.#move(version === 0 ? 'bareTokens' : 'tokens')
    this.#mechanism = known
    if (known === 'PLAIN') this.#exchange = token => plain(token, sasl.credentials)
    else {
      const scram = new ScramExchange(known, user => sasl.credentials.scram(known, user))
      this.#exchange = token => scram.next(token)
    }
    return { error: null, mechanisms: sasl.mechanisms }
  }

  /** Takes one token of the exchange. */
  token(token: Buffer): TokenAnswer {
    const none = { token: Buffer.alloc(0), sessionLifetimeMs: 0 }
    if (this.#state !== 'tokens' && this.#state !== 'bareTokens') {
      const message = 'SaslAuthenticate came without a SaslHandshake before it'
      return { ...none, error: 'ILLEGAL_SASL_STATE', message }
    }
    let step: SaslStep
    try {
      step = this.#exchange!(token)
      if (step.user !== null && this.#user !== null && step.user !== this.#user)
        throw new Error('a session is renewed by the same user only')
    } catch {
      // Why, is not told: it would help those who guess.
      this.#move('failed')
      const message = `Authentication failed: invalid credentials with SASL mechanism ${this.#mechanism}`
      return { ...none, error: 'SASL_AUTHENTICATION_FAILED', message }
    }
    if (step.user === null) return { ...none, error: null, message: null, token: step.token }
    this.#user = step.user
    this.#move('authenticated')
    const { sessionLifetimeMs } = this.#sasl!
    if (sessionLifetimeMs > 0) this.#expiresAt = this.#clock.now() + sessionLifetimeMs
    return { error: null, message: null, token: step.token, sessionLifetimeMs }
  }

  #move(to: State): void {
    invariant(moves[this.#state].includes(to), `a connection is not ${to} after ${this.#state}`)
    this.#state = to
  }
}

/** Source: RFC 4616: whom to speak for, name and password, with NUL between them. */
function plain(token: Buffer, credentials: Credentials): SaslStep {
  const [speaksFor, user, password, ...more] = token.toString('utf8').split('\0')
  if (!user || !password || more.length > 0) throw new Error('the message of PLAIN is not understood')
  if (speaksFor !== '' && speaksFor !== user) throw new Error('nobody may speak for somebody else')
  if (!credentials.isPassword(user, password)) throw new Error('no such user, or another password')
  return { token: Buffer.alloc(0), user }
}
