import { once } from 'node:events'
import { createServer as createWebServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { answerApiVersions, ScriptedBroker, type ScriptedRequest } from '../../../test/network/scripted-broker.ts'
import type { NetworkError } from '../../base/errors/index.ts'
import { systemClock } from '../../base/time/clock.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { apis, DecodeError, Reader } from '../protocol/index.ts'
import { type Call, Connection, type ConnectionOptions } from './connection.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const start = async (script?: ScriptedBroker['script']) => {
  const broker = await ScriptedBroker.start(script)
  closers.push(() => broker.close())
  return broker
}

async function open(port: number, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const connection = await Connection.open({
    host: '127.0.0.1',
    port,
    clientId: 'test',
    clock: systemClock,
    requestTimeoutMs: 5000,
    setupTimeoutMs: 5000,
    ...options,
  })
  closers.push(() => connection.close())
  return connection
}

const failure = (work: Promise<unknown>): Promise<NetworkError> =>
  work.then(
    () => expect.fail('it succeeded'),
    error => error,
  )

/** Any question will do: here it is always about the same topic. */
const draft = (transactionalId: string) => ({ transactionalId, transactionTimeoutMs: 1 })
const ask = (connection: Connection, timeoutMs?: number) =>
  connection.request(apis.initProducerId, draft('t'), { timeoutMs }).then(answer => answer.producerId)
const answer = (request: ScriptedRequest, producerId: bigint) =>
  request.frame(apis.initProducerId, { errorCode: 0, producerId, producerEpoch: 0 })
const isQuestion = (request: ScriptedRequest) => request.is(apis.initProducerId)

/** A call that notes what becomes of it. */
function call(connection: Connection, body: Buffer[], extra: Partial<Call> = {}) {
  const events: string[] = []
  let settle: () => void = () => {}
  const settled = new Promise<void>(resolve => {
    settle = resolve
  })
  let release: () => void = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  connection.send({
    apiKey: 22,
    apiVersion: 1,
    flexible: false,
    body,
    bodyBytes: body.reduce((sum, piece) => sum + piece.length, 0),
    expectsAnswer: true,
    timeoutMs: 5000,
    onAnswer: () => {
      events.push('answer')
      settle()
    },
    onFailure: (error, sent) => {
      events.push(`${error.code} ${sent ? 'sent' : 'unsent'}`)
      settle()
    },
    onReleased: () => {
      events.push('released')
      release()
    },
    ...extra,
  })
  return { events, settled, released }
}

describe('answers', () => {
  it('reach the calls that asked, in order, one byte at a time or many in one chunk', async () => {
    const held: Buffer[] = []
    const broker = await start(request => {
      if (!isQuestion(request)) return undefined
      held.push(answer(request, BigInt(held.length)))
      if (held.length === 3) {
        const stream = Buffer.concat(held)
        for (let at = 0; at < stream.length; at++) request.socket.write(stream.subarray(at, at + 1))
      } else if (held.length === 6) request.socket.write(Buffer.concat(held.slice(3)))
      return true
    })
    const connection = await open(broker.port)

    const slow = await Promise.all([ask(connection), ask(connection), ask(connection)])
    const joined = await Promise.all([ask(connection), ask(connection), ask(connection)])

    expect([...slow, ...joined]).toEqual([0n, 1n, 2n, 3n, 4n, 5n])
    expect(connection.inFlight).toBe(0)
  })

  it.each<[string, (frames: Buffer[]) => Buffer]>([
    ['swapped', ([first, second]) => Buffer.concat([second!, first!])],
    ['duplicated', ([first]) => Buffer.concat([first!, first!])],
    ['that nobody asked for', ([first, second]) => Buffer.concat([first!, second!, second!])],
    ['with a length of 3', ([first]) => Buffer.concat([first!, Buffer.from([0, 0, 0, 3])])],
    ['with a length of 2 GiB', ([first]) => Buffer.concat([first!, Buffer.from([0x7f, 0xff, 0xff, 0xff])])],
    ['cut short inside their length', ([first]) => Buffer.concat([first!, Buffer.from([0, 0, 0, 5, 0, 0, 0, 2, 0])])],
  ])('%s close the connection as BAD_RESPONSE', async (_, garble) => {
    const frames: Buffer[] = []
    const broker = await start(request => {
      if (!isQuestion(request)) return undefined
      frames.push(answer(request, BigInt(frames.length)))
      if (frames.length === 2) request.socket.write(garble(frames))
      return true
    })
    const closed: (string | undefined)[] = []
    const connection = await open(broker.port, { onClosed: error => closed.push(error?.code) })

    await Promise.allSettled([ask(connection), ask(connection)])
    await connection.gone

    expect(closed).toEqual(['BAD_RESPONSE'])
    expect((await failure(ask(connection))).code).toBe('BAD_RESPONSE')
  })

  it('whose reader throws a DecodeError fail their call and all after it', async () => {
    const broker = await start(request => {
      if (isQuestion(request)) request.socket.write(answer(request, 1n))
      return isQuestion(request)
    })
    const connection = await open(broker.port)
    const body = apis.initProducerId.request.encode(draft('t'), 1)
    const refuse = () => {
      throw new DecodeError('no such value')
    }

    const first = call(connection, [body], { onAnswer: refuse })
    const second = call(connection, [body])
    await Promise.all([first.settled, second.settled, first.released, second.released])

    expect(first.events).toContain('BAD_RESPONSE sent')
    expect(second.events).toContain('BAD_RESPONSE sent')
  })

  it('hold values beyond the read buffer: a large answer in many chunks is whole', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `topic-${index}`)
    const broker = await start(request => {
      if (!request.is(apis.metadata)) return undefined
      const topics = names.map(name => ({ errorCode: 0, name, partitions: [] }))
      request.answer(apis.metadata, { brokers: [], topics })
      return true
    })
    const connection = await open(broker.port)

    const { topics } = await connection.request(apis.metadata, { topics: [] })

    expect(topics.map(topic => topic.name)).toEqual(names)
  })
})

describe('a connection that ends', () => {
  it.each(['FIN', 'RST'] as const)('by %s with requests in flight fails them as sent', async how => {
    const broker = await start(request => {
      if (!isQuestion(request)) return undefined
      if (how === 'FIN') request.socket.end()
      else request.socket.resetAndDestroy()
      return true
    })
    const closed: (string | undefined)[] = []
    const connection = await open(broker.port, { onClosed: error => closed.push(error?.code) })

    const sent = call(connection, [apis.initProducerId.request.encode(draft('t'), 1)])
    await Promise.all([sent.settled, sent.released])

    expect(sent.events.toSorted()).toEqual(['CONNECTION_CLOSED sent', 'released'])
    expect(closed).toEqual(['CONNECTION_CLOSED'])
  })

  it.each(['FIN', 'RST', 'us'] as const)('by %s while idle is told as no error', async how => {
    const broker = await start()
    const closed: unknown[] = []
    const connection = await open(broker.port, { onClosed: error => closed.push(error) })

    if (how === 'us') connection.close()
    else for (const socket of broker.sockets) how === 'FIN' ? socket.end() : socket.resetAndDestroy()
    await connection.gone

    expect(closed).toEqual([undefined])
    expect(connection.isOpen).toBe(false)
  })

  it('tells of calls that had not begun to leave, and keeps their bytes until the socket is gone', async () => {
    const broker = await start(request => {
      request.socket.pause()
      return undefined
    })
    const connection = await open(broker.port)
    for (const socket of broker.sockets) socket.pause()
    const large = [Buffer.alloc(32 * 2 ** 20)]

    const partly = call(connection, large)
    const waiting = call(connection, [Buffer.alloc(10_000)])
    expect(connection.needsDrain).toBe(true)
    expect(connection.inFlight).toBe(2)
    connection.close()
    expect(partly.events).toEqual(['CONNECTION_CLOSED sent'])
    expect(waiting.events).toEqual(['CONNECTION_CLOSED unsent', 'released'])
    await partly.released

    expect(partly.events).toEqual(['CONNECTION_CLOSED sent', 'released'])
  })

  it('refuses later calls without having sent them', async () => {
    const broker = await start()
    const connection = await open(broker.port)
    connection.close()

    const late = call(connection, [Buffer.alloc(10)])
    expect(late.events).toEqual([])
    await late.settled

    expect(late.events).toEqual(['CONNECTION_CLOSED unsent', 'released'])
  })
})

describe('acks=0', () => {
  it('does not wait for an answer: written is done', async () => {
    const broker = await start(() => undefined)
    const connection = await open(broker.port)
    const body = apis.initProducerId.request.encode(draft('t'), 1)

    const written = call(connection, [body], { expectsAnswer: false })
    await written.released
    connection.close()
    await broker.until(() => broker.requests.some(isQuestion))

    expect(written.events).toEqual(['released'])
  })

  it('leaves the socket before a close takes it away', async () => {
    const broker = await start(() => undefined)
    // Time stands, so that a busy machine cannot use up what a close allows for this.
    const connection = await open(broker.port, { clock: new ManualClock() })
    const pad = Buffer.alloc(8 * 2 ** 20)
    const [head, ...rest] = [apis.initProducerId.request.encode(draft('t'), 1), pad]

    const written = call(connection, [head!, ...rest], { expectsAnswer: false })
    connection.close()
    await written.released

    await broker.until(() => broker.requests.some(isQuestion))
    expect(written.events).toEqual(['released'])
  })
})

describe('time-outs', () => {
  it('close the connection and fail everything in flight, the earliest deadline first', async () => {
    const clock = new ManualClock()
    const broker = await start(isQuestion)
    const closed: (string | undefined)[] = []
    const connection = await open(broker.port, { clock, onClosed: error => closed.push(error?.code) })

    const long = failure(ask(connection, 9000))
    const short = failure(ask(connection, 300))
    clock.advance(299)
    expect(connection.isOpen).toBe(true)
    clock.advance(1)

    expect((await long).code).toBe('REQUEST_TIMEOUT')
    expect((await short).code).toBe('REQUEST_TIMEOUT')
    expect(closed).toEqual(['REQUEST_TIMEOUT'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('are not decided before answers that lie ready after a stall have been read', async () => {
    const broker = await start(request => {
      if (!isQuestion(request)) return undefined
      request.socket.write(answer(request, 7n))
      return true
    })
    const connection = await open(broker.port)
    // The broker shares this thread: it answers in the turn that comes after the request was read, so the stall is in between.
    const asked = ask(connection, 100)
    await broker.until(() => broker.requests.some(isQuestion))
    const end = performance.now() + 300
    while (performance.now() < end);

    expect(await asked).toBe(7n)
  })

  it('pass an answer by that comes late: the connection is gone', async () => {
    const clock = new ManualClock()
    let held: (() => void) | undefined
    const broker = await start(request => {
      if (!isQuestion(request)) return undefined
      held = () => request.socket.write(answer(request, 1n))
      return true
    })
    const connection = await open(broker.port, { clock })
    const asked = failure(ask(connection, 100))
    await broker.until(() => held !== undefined)
    clock.advance(100)
    expect((await asked).code).toBe('REQUEST_TIMEOUT')

    held!()
    await connection.gone

    const next = await open(broker.port, { clock })
    broker.script = request => {
      if (isQuestion(request)) request.socket.write(answer(request, 2n))
      return isQuestion(request)
    }
    expect(await ask(next)).toBe(2n)
  })
})

describe('ApiVersions', () => {
  const negotiated = (broker: ScriptedBroker) =>
    broker.requests.filter(request => request.is(apis.apiVersions)).map(request => request.header.apiVersion)

  it('is asked in the newest version, with the name of the software', async () => {
    const broker = await start()
    const connection = await open(broker.port)

    expect(negotiated(broker)).toEqual([4])
    expect(broker.requests[0]!.values(apis.apiVersions).clientSoftwareName).toBe('ottla')
    expect(connection.versionOf(apis.metadata.request)).toBe(13)
  })

  it.each([
    [2, [4, 2]],
    [-1, [4, 0]],
  ])('steps down to what a refusal offers (%i), or to 0', async (offered, expected) => {
    const broker = await start(request => {
      if (!request.is(apis.apiVersions) || request.header.apiVersion <= Math.max(0, offered)) return undefined
      const apiKeys = offered < 0 ? [] : [{ apiKey: 18, minVersion: 0, maxVersion: offered }]
      request.answer(apis.apiVersions, { errorCode: 35, apiKeys }, 0)
      return true
    })
    await open(broker.port)

    expect(negotiated(broker)).toEqual(expected)
  })

  it('ends when every version is refused', async () => {
    const broker = await start(request => {
      request.answer(apis.apiVersions, { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 9 }] }, 0)
      return true
    })
    const error = await failure(open(broker.port))

    expect(negotiated(broker)).toEqual([4, 3, 2, 1, 0])
    expect(error.message).toContain('UNSUPPORTED_VERSION')
  })

  it('is asked in v0 on a new connection where the broker hangs up on a newer one', async () => {
    const broker = await start(request => {
      if (request.header.apiVersion === 0) return undefined
      request.socket.end()
      return true
    })
    await open(broker.port)

    expect(negotiated(broker)).toEqual([4, 0])
    expect(broker.connections).toBe(2)
  })

  it('keeps versions per connection, and names both ranges where there is none in common', async () => {
    const broker = await start(request => {
      const changes = [
        [3, 14, 20],
        [22, 5, 2],
      ] as const
      answerApiVersions(request, changes)
      return true
    })
    const connection = await open(broker.port)

    expect(() => connection.versionOf(apis.metadata.request)).toThrow(/MetadataRequest.*0 to 13.*14 to 20/)
    expect(() => connection.versionOf(apis.initProducerId.request)).toThrow(/does not offer it/)
    await expect(ask(connection)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
  })
})

describe('something else than a plaintext broker', () => {
  const listen = async (server: Server) => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => new Promise(resolve => server.close(resolve)))
    return (server.address() as AddressInfo).port
  }

  it('a web server is named', async () => {
    const port = await listen(createWebServer())
    const error = await failure(open(port))
    expect(error.code).toBe('NOT_KAFKA')
    expect(error.message).toContain('web server')
  })

  it('a TLS port is named', async () => {
    const port = await listen(createTlsServer())
    const error = await failure(open(port))
    expect(['NOT_KAFKA', 'CONNECTION_CLOSED']).toContain(error.code)
    expect(error.message).toContain('TLS port')
  })

  it('a TLS alert is recognised', async () => {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.resume()
      socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 70]))
    })
    const error = await failure(open(await listen(server)))
    expect(error.code).toBe('NOT_KAFKA')
    expect(error.message).toContain('TLS port')
  })

  it('a server that says nothing is given up when the set-up time is over', async () => {
    const clock = new ManualClock()
    const broker = await start(() => true)
    const opening = failure(open(broker.port, { clock, setupTimeoutMs: 700 }))
    await broker.until(() => broker.requests.length === 1)
    clock.advance(700)

    const error = await opening
    expect(error.code).toBe('CONNECT_TIMEOUT')
    expect(error.message).toContain('said nothing within 700 ms')
    expect(clock.pendingTimers).toBe(0)
  })

  it('a port where nobody listens is refused, by name', async () => {
    const broker = await start()
    await broker.close()
    const error = await failure(open(broker.port))
    expect(error.code).toBe('CONNECT_FAILED')
    expect(error.message).toContain('ECONNREFUSED')
  })
})

describe('the addresses of a host', () => {
  it('are tried in turn until one answers', async () => {
    const broker = await start()
    const lookup = async () => [{ address: '127.0.0.9' }, { address: '127.0.0.1' }]
    const connection = await open(broker.port, { host: 'broker.example', lookup })

    expect(connection.remote).toBe(`broker.example:${broker.port} (127.0.0.1)`)
  })

  it('are all named where none works', async () => {
    const broker = await start()
    await broker.close()
    const lookup = async () => [{ address: '127.0.0.9' }, { address: '127.0.0.1' }]
    const error = await failure(open(broker.port, { host: 'broker.example', lookup }))

    expect(error.message).toContain('127.0.0.9')
    expect(error.message).toContain('127.0.0.1')
  })

  it('share the set-up time, so that a silent first one leaves some for the second', async () => {
    const clock = new ManualClock()
    const broker = await start(request => request.connection === 0)
    const lookup = async () => [{ address: '127.0.0.1' }, { address: '127.0.0.1' }]
    const opening = open(broker.port, { host: 'broker.example', lookup, clock, setupTimeoutMs: 1000 })
    await broker.until(() => broker.requests.length === 1)
    clock.advance(500)

    expect((await opening).isOpen).toBe(true)
  })

  it('that cannot be looked up are an error with the name, escaped', async () => {
    const lookup = async () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }))
    const error = await failure(open(9092, { host: 'bad\nname', lookup }))

    expect(error.code).toBe('CONNECT_FAILED')
    expect(error.message).toContain('bad\\u000aname')
  })

  it('are given up when the signal says so', async () => {
    const broker = await start(() => true)
    const abort = new AbortController()
    const opening = failure(open(broker.port, { signal: abort.signal }))
    await broker.until(() => broker.requests.length === 1)
    abort.abort()

    expect((await opening).message).toContain('given up')
  })
})

it('writes the pieces of a body behind a header that any broker reads', async () => {
  const broker = await start(request => {
    if (isQuestion(request)) request.socket.write(answer(request, 1n))
    return isQuestion(request)
  })
  const connection = await open(broker.port)
  const whole = apis.initProducerId.request.encode(draft('x'.repeat(5000)), 1)

  const sent = call(connection, [whole.subarray(0, 3), whole.subarray(3, 2500), whole.subarray(2500)])
  await Promise.all([sent.settled, sent.released])

  const [request] = broker.requests.filter(isQuestion)
  const { bytes, offset, end } = request!.body
  expect(bytes.subarray(offset, end).equals(whole)).toBe(true)
  expect(new Reader(bytes, offset, end).remaining).toBe(whole.length)
  expect(request!.header).toMatchObject({ apiKey: 22, apiVersion: 1, clientId: 'test' })
})
