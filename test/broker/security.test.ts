import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { kcat, kcatVersion } from './kcat.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

const pathOf = (name: string) => fileURLToPath(new URL(`certificates/${name}`, import.meta.url))
const pem = (name: string) => readFileSync(pathOf(name), 'utf8')

const tls = { key: pem('broker.key.pem'), cert: pem('broker.pem') }
const sasl = { users: { alice: 'wonderland', bob: 'builder' } }
const start = (options: BrokerOptions) => startBroker({ topics: { orders: { partitions: 1 } }, ...options })

const handshake = (connection: RawConnection, mechanism: string, version = 1) =>
  connection.call(apis.saslHandshake, version, { mechanism })
const plainToken = (user: string, password: string) => Buffer.from(`\0${user}\0${password}`)
const authenticate = (connection: RawConnection, user: string, password: string, version = 2) =>
  connection.call(apis.saslAuthenticate, version, { authBytes: plainToken(user, password) })
const metadata = (connection: RawConnection) => connection.call(apis.metadata, 9, { topics: null })

async function login(connection: RawConnection, user: string, password: string) {
  await handshake(connection, 'PLAIN')
  return authenticate(connection, user, password)
}

describe('SASL', () => {
  test('before it, only ApiVersions and the handshake are answered; after it, everything is', async () => {
    await using broker = await start({ sasl })
    await using stranger = await RawConnection.open(broker)
    await expect(metadata(stranger)).rejects.toThrow('closed the connection')

    await using connection = await RawConnection.open(broker)
    const versions = await connection.call(apis.apiVersions, 3, {
      clientSoftwareName: 'raw',
      clientSoftwareVersion: '1',
    })
    expect(versions.errorCode).toBe(0)
    expect(await handshake(connection, 'PLAIN')).toEqual({
      errorCode: 0,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    })
    expect(await authenticate(connection, 'alice', 'wonderland')).toMatchObject({ errorCode: 0, sessionLifetimeMs: 0n })
    expect((await metadata(connection)).topics.map(({ name }) => name)).toEqual(['orders'])
  })

  test('nothing but a token may follow the handshake', async () => {
    await using broker = await start({ sasl })
    await using connection = await RawConnection.open(broker)
    await handshake(connection, 'PLAIN')
    await expect(metadata(connection)).rejects.toThrow('closed the connection')
  })

  for (const [user, password] of [
    ['alice', 'builder'],
    ['nobody', 'wonderland'],
    ['alice', ''],
  ] as const)
    test(`${user} with "${password}" is told, and sent away`, async () => {
      await using broker = await start({ sasl })
      await using connection = await RawConnection.open(broker)
      const answer = await login(connection, user, password)
      expect(answer.errorCode).toBe(errorNumber('SASL_AUTHENTICATION_FAILED'))
      expect(answer.errorMessage).toContain('PLAIN')
      expect(await connection.closed).toEqual({ reset: false })
    })

  test('another mechanism is told which there are, and sent away', async () => {
    await using broker = await start({ sasl: { ...sasl, mechanisms: ['SCRAM-SHA-512'] } })
    await using connection = await RawConnection.open(broker)
    expect(await handshake(connection, 'PLAIN')).toEqual({
      errorCode: errorNumber('UNSUPPORTED_SASL_MECHANISM'),
      mechanisms: ['SCRAM-SHA-512'],
    })
    await connection.closed
  })

  test('after version 0 of the handshake, tokens come bare', async () => {
    await using broker = await start({ sasl })
    const bare = async (password: string) => {
      const connection = await RawConnection.open(broker)
      await handshake(connection, 'PLAIN', 0)
      const token = plainToken('bob', password)
      const length = Buffer.alloc(4)
      length.writeInt32BE(token.length)
      connection.socket.write(Buffer.concat([length, token]))
      return connection
    }
    await using right = await bare('builder')
    expect(await right.frame()).toHaveLength(0)
    expect((await metadata(right)).topics).toHaveLength(1)
    await using wrong = await bare('wonderland')
    await expect(wrong.frame()).rejects.toThrow('closed the connection')
  })

  test('without a lifetime a session is not renewed; and a broker without SASL has nothing to shake hands about', async () => {
    await using broker = await start({ sasl })
    await using connection = await RawConnection.open(broker)
    await login(connection, 'alice', 'wonderland')
    const illegal = errorNumber('ILLEGAL_SASL_STATE')
    expect((await handshake(connection, 'PLAIN')).errorCode).toBe(illegal)
    expect((await metadata(connection)).topics).toHaveLength(1)

    await using open = await start({})
    await using anybody = await RawConnection.open(open)
    expect((await handshake(anybody, 'PLAIN')).errorCode).toBe(illegal)
    expect((await authenticate(anybody, 'a', 'b')).errorCode).toBe(illegal)
  })

  test('a session ends with its lifetime, unless it is renewed by the same user', async () => {
    await using broker = await start({ sasl: { ...sasl, sessionLifetimeMs: 300 } })
    await using renewed = await RawConnection.open(broker)
    await using forgotten = await RawConnection.open(broker)
    await using taken = await RawConnection.open(broker)
    for (const connection of [renewed, forgotten, taken])
      expect(await login(connection, 'alice', 'wonderland')).toMatchObject({ errorCode: 0, sessionLifetimeMs: 300n })
    expect((await login(taken, 'bob', 'builder')).errorCode).toBe(errorNumber('SASL_AUTHENTICATION_FAILED'))
    await new Promise(resolve => setTimeout(resolve, 350))
    expect((await login(renewed, 'alice', 'wonderland')).errorCode).toBe(0)
    expect((await metadata(renewed)).topics).toHaveLength(1)
    await expect(metadata(forgotten)).rejects.toThrow('closed the connection')
  })

  test('a password is changed while the broker runs; the request log knows none', async () => {
    await using broker = await start({ sasl })
    broker.rotateCredentials('alice', 'looking-glass')
    await using before = await RawConnection.open(broker)
    expect((await login(before, 'alice', 'wonderland')).errorCode).not.toBe(0)
    await using after = await RawConnection.open(broker)
    expect((await login(after, 'alice', 'looking-glass')).errorCode).toBe(0)
    expect(broker.requests('SaslAuthenticate').map(({ body }) => body)).toEqual([{}, {}])
  })
})

describe('TLS', () => {
  const openTls = async (broker: Broker, options: object = {}) => {
    const socket = connectTls({ port: broker.ports.get(1)!, host: '127.0.0.1', ca: pem('authority.pem'), ...options })
    await once(socket, 'secureConnect')
    return RawConnection.over(socket)
  }

  test('requests are answered, resets reset, and what is no TLS is sent away', async () => {
    await using broker = await start({ tls })
    await using connection = await openTls(broker)
    expect(await produce(connection, { records: batchOf(['a']) })).toMatchObject({ errorCode: 0 })
    broker.faults.loseAnswerAfterAppend('Produce')
    connection.send(apis.metadata.request, 9, { topics: null })
    await connection.frame()
    await expect(produce(connection, { records: batchOf(['b']) })).rejects.toThrow('closed the connection')
    expect(await connection.closed).toEqual({ reset: true })
    expect(broker.records('orders')).toHaveLength(2)
    await using cleartext = await RawConnection.open(broker)
    await expect(metadata(cleartext)).rejects.toThrow('closed the connection')
  })

  test('clients need a certificate where it says so', async () => {
    await using broker = await start({ tls: { ...tls, ca: pem('authority.pem'), requestCert: true } })
    await using known = await openTls(broker, { key: pem('client.key.pem'), cert: pem('client.pem') })
    expect((await metadata(known)).topics).toHaveLength(1)
    await using unknown = await openTls(broker)
    await expect(metadata(unknown)).rejects.toThrow('closed the connection')
  })

  test('a client that never ends its handshake does not keep the broker from closing', async () => {
    const broker = await start({ tls })
    await using silent = await RawConnection.open(broker)
    await broker.close()
    await silent.closed
  })
})

test('wrong options are told at once', async () => {
  const wrong = {
    tls: { key: 'x', cert: 'y', requestCert: true },
    sasl: { mechanisms: ['GSSAPI'], users: {}, sessionLifetimeMs: -1 },
  } as unknown as BrokerOptions
  await expect(startBroker(wrong)).rejects.toMatchObject({
    problems: [
      { option: 'tls.ca' },
      { option: 'tls' },
      { option: 'sasl.mechanisms' },
      { option: 'sasl.users' },
      { option: 'sasl.sessionLifetimeMs' },
    ],
  })
})

for (const secure of [false, true])
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const where = `${mechanism} over ${secure ? 'TLS' : 'plaintext'}`
    test.skipIf(kcatVersion === null)(`kcat writes and reads with ${where}`, async () => {
      await using broker = await start({ sasl, ...(secure && { tls }) })
      const security = [
        `security.protocol=${secure ? 'sasl_ssl' : 'sasl_plaintext'}`,
        `sasl.mechanism=${mechanism}`,
        'sasl.username=alice',
        ...(secure ? [`ssl.ca.location=${pathOf('authority.pem')}`] : []),
      ]
      const flags = (password: string) =>
        [...security, `sasl.password=${password}`].flatMap(property => ['-X', property])
      await kcat(broker.bootstrapServers, [...flags('wonderland'), '-P', '-t', 'orders'], 'one\ntwo\n')
      const read = await kcat(broker.bootstrapServers, [...flags('wonderland'), '-C', '-t', 'orders', '-e', '-q'])
      expect(read).toBe('one\ntwo\n')
      const failing = kcat(broker.bootstrapServers, [...flags('wrong'), '-L', '-m', '3'])
      await expect(failing).rejects.toThrow(/authentication/i)
    })

    test(`kafkajs writes with ${where}`, async () => {
      await using broker = await start({ sasl, ...(secure && { tls }) })
      const producer = new Kafka({
        brokers: broker.bootstrapServers.split(','),
        logLevel: logLevel.NOTHING,
        sasl: { mechanism: mechanism.toLowerCase(), username: 'bob', password: 'builder' } as SASLOptions,
        ...(secure && { ssl: { ca: [pem('authority.pem')] } }),
      }).producer()
      await producer.connect()
      await producer.send({ topic: 'orders', messages: [{ value: 'hello' }] })
      await producer.disconnect()
      expect(broker.records('orders').map(({ value }) => String(value))).toEqual(['hello'])
    })
  }
