import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isPassword, ScramExchange, scramCredential } from './scram.ts'

test('the exchange of RFC 7677, section 3, goes as it stands there', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const credential = scramCredential('sha256', 'pencil', salt)
  const server = new ScramExchange('SCRAM-SHA-256', () => credential, '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')

  const first = server.next(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))
  expect(String(first.token)).toBe(
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  )
  expect(first.user).toBeNull()
  const last = server.next(
    Buffer.from(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ),
  )
  expect(String(last.token)).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  expect(last.user).toBe('user')
})

/** The client's last message, by its own reading of the RFC. */
function proofOf(password: string, bare: string, serverFirst: string, binding = 'biws'): string {
  const [, nonce, salt, count] = /r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst)!
  const hmac = (key: Buffer, text: string) => createHmac('sha512', key).update(text).digest()
  const key = hmac(pbkdf2Sync(password, Buffer.from(salt!, 'base64'), Number(count), 64, 'sha512'), 'Client Key')
  const withoutProof = `c=${binding},r=${nonce}`
  const signature = hmac(createHash('sha512').update(key).digest(), `${bare},${serverFirst},${withoutProof}`)
  return `${withoutProof},p=${Buffer.from(key.map((byte, index) => byte ^ signature[index]!)).toString('base64')}`
}

describe('SCRAM-SHA-512', () => {
  const credential = scramCredential('sha512', 'secret')
  const exchange = (password: string, binding?: string) => {
    const server = new ScramExchange('SCRAM-SHA-512', user => (user === 'a,b=c' ? credential : undefined))
    const bare = 'n=a=2Cb=3Dc,r=nonce'
    const { token } = server.next(Buffer.from(`n,,${bare}`))
    return server.next(Buffer.from(proofOf(password, bare, String(token), binding)))
  }

  test('the right password, of a name with a comma and an equals sign', () => {
    expect(exchange('secret').user).toBe('a,b=c')
  })

  test('another password, and another channel binding, fail', () => {
    expect(() => exchange('Secret')).toThrow('another password')
    expect(() => exchange('secret', 'eSws')).toThrow('does not follow')
  })

  test.each([
    ['another user', 'n,,n=x,r=1'],
    ['channel binding', 'p=tls-unique,,n=a=2Cb=3Dc,r=1'],
    ['an extension that must be understood', 'n,,m=x,n=a=2Cb=3Dc,r=1'],
    ['a name that is not escaped', 'n,,n=a=b,r=1'],
    ['somebody who speaks for another', 'n,a=root,n=a=2Cb=3Dc,r=1'],
    ['nothing', ''],
  ])('%s is refused at once', (_, message) => {
    const server = new ScramExchange('SCRAM-SHA-512', user => (user === 'a,b=c' ? credential : undefined))
    expect(() => server.next(Buffer.from(message))).toThrow()
  })
})

test('a password is known by its salted hash', () => {
  const credential = scramCredential('sha256', 'pencil')
  expect([isPassword('sha256', credential, 'pencil'), isPassword('sha256', credential, 'pen')]).toEqual([true, false])
})
