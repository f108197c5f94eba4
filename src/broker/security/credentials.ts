import { isPassword, type ScramCredential, type ScramMechanism, scramCredential, scramHashes } from './scram.ts'

type Salted = Readonly<Record<ScramMechanism, ScramCredential>>

/** Who may come in. No password is kept, only what SCRAM needs of it. */
export class Credentials {
  readonly #users = new Map<string, Salted>()

  constructor(users: Readonly<Record<string, string>>) {
    for (const [user, password] of Object.entries(users)) this.set(user, password)
  }

  /** A new user, or a new password of one. */
  set(user: string, password: string): void {
    this.#users.set(user, {
      'SCRAM-SHA-256': scramCredential(scramHashes['SCRAM-SHA-256'], password),
      'SCRAM-SHA-512': scramCredential(scramHashes['SCRAM-SHA-512'], password),
    })
  }

  scram(mechanism: ScramMechanism, user: string): ScramCredential | undefined {
    return this.#users.get(user)?.[mechanism]
  }

  isPassword(user: string, password: string): boolean {
    const salted = this.#users.get(user)
    return salted !== undefined && isPassword('sha256', salted['SCRAM-SHA-256'], password)
  }
}
