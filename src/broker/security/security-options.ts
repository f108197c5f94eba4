import { createSecureContext } from 'node:tls'

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

/** TLS on the ports of the brokers. PEM texts, as Node's `tls` takes them. */
export interface TlsOptions {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** Whose certificates of clients are believed. */
  readonly ca?: string | Buffer
  /** Whether clients need a certificate that `ca` has signed (Kafka's `ssl.client.auth=required`). Default false. */
  readonly requestCert?: boolean
}

/** SASL on the ports of the brokers. Who is in may do everything: there are no access rights. */
export interface SaslOptions {
  /** Default: all three. */
  readonly mechanisms?: readonly SaslMechanism[]
  /** Passwords by name. */
  readonly users: Readonly<Record<string, string>>
  /** After this time a connection is closed at its next request, unless the client has authenticated again (KIP-368). Default 0: never. */
  readonly sessionLifetimeMs?: number
}

type Wrong = (option: string, message: string) => void

export function checkSecurity(tls: TlsOptions | undefined, sasl: SaslOptions | undefined, wrong: Wrong): void {
  if (tls !== undefined) checkTls(tls, wrong)
  if (sasl !== undefined) checkSasl(sasl, wrong)
}

function checkTls(tls: TlsOptions, wrong: Wrong): void {
  const known = ['key', 'cert', 'ca', 'requestCert']
  for (const name of Object.keys(tls)) if (!known.includes(name)) wrong(`tls.${name}`, 'there is no such option')
  if (tls.requestCert && tls.ca === undefined)
    wrong('tls.ca', 'requestCert needs to know whose certificates are believed')
  if (tls.key === undefined || tls.cert === undefined) {
    wrong('tls', 'key and cert are needed')
    return
  }
  try {
    createSecureContext({ key: tls.key, cert: tls.cert, ...(tls.ca !== undefined && { ca: tls.ca }) })
  } catch (error) {
    wrong('tls', (error as Error).message)
  }
}

function checkSasl(sasl: SaslOptions, wrong: Wrong): void {
  const known = ['mechanisms', 'users', 'sessionLifetimeMs']
  for (const name of Object.keys(sasl)) if (!known.includes(name)) wrong(`sasl.${name}`, 'there is no such option')
  const mechanisms: readonly string[] = sasl.mechanisms ?? saslMechanisms
  if (mechanisms.length === 0) wrong('sasl.mechanisms', 'nobody could come in')
  for (const name of mechanisms)
    if (!(saslMechanisms as readonly string[]).includes(name))
      wrong('sasl.mechanisms', `${name} is none of ${saslMechanisms.join(', ')}`)
  const users = Object.entries(sasl.users ?? {})
  if (users.length === 0) wrong('sasl.users', 'nobody could come in')
  for (const [name, password] of users)
    if (name === '' || typeof password !== 'string' || password === '')
      wrong('sasl.users', `${name === '' ? 'a user' : name} needs a name and a password`)
  const { sessionLifetimeMs: lifetime } = sasl
  if (lifetime !== undefined && !(Number.isSafeInteger(lifetime) && lifetime >= 0))
    wrong('sasl.sessionLifetimeMs', `${String(lifetime)} is not a whole number from 0`)
}
