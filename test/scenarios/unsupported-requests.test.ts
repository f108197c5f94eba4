import { describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { apis, Writer } from '../../src/wire/protocol/index.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

const software = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }

const unsupported: [what: string, apiKey: number, version: number][] = [
  ['an API that there is not', 999, 0],
  ['a negative API key', -1, 0],
  ['a version of Metadata that is to come', apis.metadata.request.key, 99],
  ['a negative version of Metadata', apis.metadata.request.key, -1],
  ['Metadata as it begins at 0, in the highest version there can be', apis.metadata.request.key, 32_767],
  ['Produce 2, which is announced for old clients and refused', apis.produce.request.key, 2],
  ['Produce 0, likewise', apis.produce.request.key, 0],
  ['Fetch 3, which is gone since Kafka 4.0', apis.fetch.request.key, 3],
  ['Vote, which is between controllers', 52, 0],
  ['LeaderAndIsr, which is between brokers with ZooKeeper', 4, 4],
]

/** A header of the first form, and some bytes behind it. */
function frame(apiKey: number, version: number, correlationId: number, body: Buffer = Buffer.alloc(8)): Buffer {
  const writer = new Writer()
  writer.int32(0)
  writer.int16(apiKey)
  writer.int16(version)
  writer.int32(correlationId)
  writer.int16(-1) // no client id
  writer.raw(body)
  const bytes = writer.written()
  bytes.writeInt32BE(bytes.length - 4)
  return bytes
}

describeOnEachBroker('Requests that a broker does not understand', ({ kafka }) => {
  const open = () => {
    const [host, port] = kafka.bootstrapServers.split(',')[0]!.split(':')
    return RawConnection.to(host!, Number(port))
  }

  describe('the connection is closed', () => {
    for (const [what, apiKey, version] of unsupported)
      test(`after ${what}, and what came before is answered`, async () => {
        await using connection = await open()
        await using other = await open()
        const first = connection.send(apis.metadata.request, 9, { topics: [] })
        connection.socket.write(frame(apiKey, version, 77))

        expect((await connection.answer(apis.metadata.response, 9, first)).brokers.length).toBeGreaterThan(0)
        await expect(connection.frame()).rejects.toThrow('closed')
        await connection.closed

        expect((await other.call(apis.metadata, 9, { topics: [] })).brokers.length).toBeGreaterThan(0)
      })

    test('after a request that cannot be read: a list of more than there is', async () => {
      await using connection = await open()
      connection.socket.write(frame(apis.metadata.request.key, 1, 1, Buffer.from([0x7f, 0xff, 0xff, 0xff])))
      await connection.closed
      expect(connection.hasFrame).toBe(false)
    })

    test('after a frame that is longer than any may be', async () => {
      await using connection = await open()
      connection.socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
      await connection.closed
      expect(connection.hasFrame).toBe(false)
    })
  })

  // KIP-511: the only API that answers, so that a client can choose a version that both know.
  test.each([99, -1, 32_767])(
    'ApiVersions %i is answered in version 0: UNSUPPORTED_VERSION, and the versions of ApiVersions alone',
    async version => {
      await using connection = await open()
      connection.socket.write(frame(apis.apiVersions.request.key, version, 42))

      const answer = await connection.frame()
      expect(answer.readInt32BE(0)).toBe(42)
      expect(apis.apiVersions.response.decode(answer.subarray(4), 0)).toMatchObject({
        errorCode: errorNumber('UNSUPPORTED_VERSION'),
        apiKeys: [{ apiKey: apis.apiVersions.request.key, minVersion: 0, maxVersion: 4 }],
      })

      // The connection is as good as new.
      const { errorCode, apiKeys } = await connection.call(apis.apiVersions, 4, software)
      expect(errorCode).toBe(0)
      expect(apiKeys.length).toBeGreaterThan(40)
    },
  )
})
