import { request as httpRequest } from 'node:http'
import { beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let broker: Broker

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, controlPort: 0, topics: { orders: { partitions: 2 } } })
  return () => broker.close()
})

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(broker.controlUrl + path, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON comes, the test says what it must be
  return { status: response.status, body: (await response.json()) as any }
}

/** With headers that fetch does not let anybody set. */
function statusWith(headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${broker.controlUrl}/status`, { headers }, response => {
      response.resume()
      resolve(response.statusCode)
    })
    call.on('error', reject).end()
  })
}

test('it says where the brokers are and which topics there are', async () => {
  const { status, body } = await ask('GET', '/status')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    bootstrapServers: broker.bootstrapServers,
    clusterId: broker.clusterId,
    topics: ['orders'],
    brokers: [1, 2, 3].map(id => ({ id, port: broker.ports.get(id) })),
  })
})

test('a fault is set, done, listed and taken back', async () => {
  const fault = { api: 'Produce', times: 'unlimited', action: { type: 'error', error: 'REQUEST_TIMED_OUT' } }
  const { body: added } = await ask('POST', '/faults', fault)
  await using connection = await RawConnection.open(broker)
  expect(await produce(connection, { records: batchOf(['a']) })).toMatchObject({
    errorCode: errorNumber('REQUEST_TIMED_OUT'),
  })
  expect((await ask('GET', '/faults')).body).toEqual([{ id: added.id, rule: fault, fired: 1, remaining: 'unlimited' }])
  expect((await ask('DELETE', `/faults/${added.id}`)).status).toBe(200)
  expect(await produce(connection, { records: batchOf(['a']) })).toMatchObject({ errorCode: 0 })
  expect((await ask('DELETE', `/faults/${added.id}`)).status).toBe(404)
})

test('what a hold keeps is waited for, and released', async () => {
  const { body: held } = await ask('POST', '/faults', { api: 'Produce', action: { type: 'hold' } })
  await using connection = await RawConnection.open(broker)
  const waiting = ask('GET', '/wait?api=Produce&timeoutMs=20000')
  // The wait counts from when it has come, so that the request must not be there before.
  await ask('GET', '/status')
  const answer = produce(connection, { records: sequenced(0) })
  expect((await waiting).body).toMatchObject({ api: 'Produce', faults: ['hold'], batches: [{ producerId: '7' }] })
  expect(broker.records('orders')).toEqual([])
  await ask('POST', `/faults/${held.id}/release`)
  expect(await answer).toMatchObject({ errorCode: 0 })
})

test('records come with offsets as digits and bytes as base64', async () => {
  await using connection = await RawConnection.open(broker)
  await produce(connection, { records: sequenced(0, 2) })
  const { body } = await ask('GET', '/records/orders/0?limit=1')
  const value = Buffer.from('s0').toString('base64')
  expect(body).toMatchObject([{ partition: 0, offset: '0', producerId: '7', sequence: 0, key: null, value }])
  expect((await ask('GET', '/records/orders')).body).toHaveLength(2)
  expect((await ask('GET', '/partitions/orders')).body).toMatchObject([
    { partition: 0, leader: 1, endOffset: '2' },
    { partition: 1, leader: 2, endOffset: '0' },
  ])
  expect((await ask('GET', '/requests?api=Produce')).body).toMatchObject([{ api: 'Produce', version: 9 }])
})

test('the cluster is acted on', async () => {
  await ask('POST', '/topics', { name: 'made', partitions: 4, config: { 'max.message.bytes': 5000 } })
  expect(broker.partitionCount('made')).toBe(4)
  const move = { do: 'moveLeader', args: { topic: 'made', partition: 0, to: 3 } }
  expect((await ask('POST', '/actions', move)).status).toBe(200)
  expect(broker.partition('made', 0).leader).toBe(3)
  for (const args of [{}, { topic: 'made' }, { topic: 'made', partition: 0 }])
    for (const name of ['pauseReplication', 'resumeReplication'])
      expect((await ask('POST', '/actions', { do: name, args })).status).toBe(200)
  const lacking = { do: 'moveLeader', args: { topic: 'made', partition: 0, to: 1, truncate: 'yes' } }
  expect((await ask('POST', '/actions', lacking)).status).toBe(400)
  expect((await ask('POST', '/actions', { do: 'stop', args: { broker: 2 } })).status).toBe(200)
  await expect(RawConnection.open(broker, 2)).rejects.toThrow('ECONNREFUSED')
  await ask('POST', '/actions', { do: 'start', args: { broker: 2 } })
  await using connection = await RawConnection.open(broker, 2)
  expect((await connection.call(apis.describeCluster, 0, {})).brokers).toHaveLength(3)
})

test('a schedule is loaded', async () => {
  const schedule = { faults: [{ action: { type: 'swallow' } }], events: [{ atMs: 60_000, do: 'replaceCluster' }] }
  expect((await ask('POST', '/schedule', schedule)).body).toEqual({ faults: [1], pendingEvents: 1 })
  expect((await ask('DELETE', '/faults')).status).toBe(200)
  expect(broker.faults.remaining).toBe(0)
})

describe('is refused', () => {
  test('what is wrong, all of it, and the broker goes on', async () => {
    const { status, body } = await ask('POST', '/faults', { api: 'X', action: { type: 'nothing' } })
    expect(status).toBe(400)
    expect(body.problems).toEqual([expect.stringMatching(/^api: /), expect.stringMatching(/^action\.type: /)])
    expect((await ask('POST', '/faults', '{')).body.error).toMatch(/no JSON/)
    expect((await ask('POST', '/faults')).status).toBe(400)
    expect((await ask('POST', '/actions', { do: 'stop', args: { broker: 9 } })).body.error).toBe(
      'there is no broker 9; brokers are 1, 2, 3',
    )
    expect((await ask('GET', '/records/none')).status).toBe(404)
    expect((await ask('GET', '/records/orders/9')).status).toBe(404)
    expect((await ask('GET', '/records/%E0%A4%A')).status).toBe(400)
    expect((await ask('GET', '/requests?limit=x')).status).toBe(400)
    expect((await ask('POST', '/topics', { name: 'orders' })).status).toBe(409)
    expect((await ask('GET', '/wait?timeoutMs=5')).status).toBe(408)
    expect((await ask('GET', '/status')).status).toBe(200)
  })

  test('an unknown path, with the known ones; another method, with the right one', async () => {
    const { status, body } = await ask('GET', '/nothing')
    expect(status).toBe(404)
    expect(body.paths).toContain('POST /faults/<id>/release')
    expect(await ask('POST', '/status')).toMatchObject({ status: 405, body: { error: '/status takes GET' } })
  })

  test('a body that is too large', async () => {
    expect((await ask('POST', '/faults', 'x'.repeat(1024 * 1024 + 1))).status).toBe(413)
  })

  test('a web page: one that says whence it comes, and one whose name was pointed here', async () => {
    expect(await statusWith({ origin: 'http://localhost:3000' })).toBe(403)
    expect(await statusWith({ host: 'evil.example' })).toBe(403)
    expect(await statusWith({ host: '127.0.0.1.evil.example' })).toBe(403)
    expect(await statusWith({ host: 'localhost:1' })).toBe(200)
  })

  test('an address that others can reach, and a port in use, which is named', async () => {
    await expect(startBroker({ controlPort: 0, controlHost: '0.0.0.0' })).rejects.toThrow('controlHost: 0.0.0.0')
    const controlPort = Number(new URL(broker.controlUrl!).port)
    await expect(startBroker({ controlPort })).rejects.toThrow(`port ${controlPort} on 127.0.0.1 is in use`)
  })
})
