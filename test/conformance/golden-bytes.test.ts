import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Api,
  apiByKey,
  apis,
  isFlexible,
  Reader,
  readRequestHeader,
  readResponseHeader,
  Writer,
  writeRequestHeader,
  writeResponseHeader,
} from '../../src/wire/protocol/index.ts'

/** Written by scripts/record-golden-bytes.mjs: frames without their length, as hexadecimal digits. */
interface Recording {
  client: string
  broker: string
  exchanges: { key: number; version: number; request: string; response: string | null }[]
}

const folder = join(import.meta.dirname, 'golden-bytes')
const recordings = readdirSync(folder).map(file => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recording)
const exchanges = recordings.flatMap(({ client, exchanges }) =>
  exchanges.map((exchange, index) => ({ client, index, ...exchange })),
)
const apiOf = (key: number): Api => apiByKey(key)!

function requestAgain(frame: Buffer): Buffer {
  const reader = new Reader(frame)
  const header = readRequestHeader(reader, isFlexible)
  const { request } = apiOf(header.apiKey)
  const body = request.read(reader, header.apiVersion)
  expect(reader.remaining, 'bytes left unread').toBe(0)
  const writer = new Writer()
  writeRequestHeader(writer, header, isFlexible(header.apiKey, header.apiVersion))
  request.write(writer, body, header.apiVersion)
  return writer.written()
}

function responseAgain(frame: Buffer, key: number, version: number): Buffer {
  const reader = new Reader(frame)
  const correlationId = readResponseHeader(reader, key, isFlexible(key, version))
  const { response } = apiOf(key)
  const body = response.read(reader, version)
  expect(reader.remaining, 'bytes left unread').toBe(0)
  const writer = new Writer()
  writeResponseHeader(writer, key, correlationId, isFlexible(key, version))
  response.write(writer, body, version)
  return writer.written()
}

describe('frames recorded from other clients and Apache Kafka', () => {
  test.for(exchanges)('$client: API $key v$version, exchange $index', ({ key, version, request, response }) => {
    expect(requestAgain(Buffer.from(request, 'hex')).toString('hex')).toBe(request)
    if (response !== null) {
      expect(responseAgain(Buffer.from(response, 'hex'), key, version).toString('hex')).toBe(response)
    } else {
      expect(apis.produce.request.decode(bodyOf(request), version).acks).toBe(0)
    }
  })

  test('every API with tables was recorded at least once', () => {
    const seen = new Set(exchanges.map(({ key }) => key))
    const missing = Object.entries(apis).filter(([, api]) => !seen.has(api.request.key))
    expect(missing.map(([name]) => name)).toEqual([])
  })

  test('old and new encodings of Metadata and Fetch were recorded', () => {
    for (const api of [apis.metadata, apis.fetch]) {
      const versions = exchanges.filter(({ key }) => key === api.request.key).map(({ version }) => version)
      expect(Math.min(...versions)).toBeLessThan(api.request.flexibleFrom)
      expect(Math.max(...versions)).toBe(api.request.versions[1])
    }
  })
})

function bodyOf(request: string): Buffer {
  const reader = new Reader(Buffer.from(request, 'hex'))
  readRequestHeader(reader, isFlexible)
  return reader.slice(reader.remaining)
}

describe('what the recorded frames say', () => {
  const find = (client: string, api: Api) =>
    exchanges.filter(exchange => exchange.client.startsWith(client) && exchange.key === api.request.key)
  const answer = <A extends Api>(api: A, { version, response }: { version: number; response: string | null }) => {
    const reader = new Reader(Buffer.from(response!, 'hex'))
    readResponseHeader(reader, api.request.key, isFlexible(api.request.key, version))
    return api.response.read(reader, version) as ReturnType<A['response']['read']>
  }

  test('Kafka announces the versions that our tables have, and Produce from 0 as we do', () => {
    // A broker with a receiver of telemetry: others announce neither GetTelemetrySubscriptions nor PushTelemetry (KIP-714).
    const [exchange] = find('Apache Kafka Java admin', apis.apiVersions)
    const announced = new Map(answer(apis.apiVersions, exchange!).apiKeys.map(row => [row.apiKey, row]))
    for (const api of Object.values(apis) as Api[]) {
      const { key, versions } = api.request
      const [min, max] = [announced.get(key)!.minVersion, announced.get(key)!.maxVersion]
      expect({ key, min, max }).toEqual({ key, min: api.announcedFrom ?? versions[0], max: versions[1] })
    }
  })

  test('features come as tagged fields after the list of APIs', () => {
    const [exchange] = find('Apache Kafka Java clients 4', apis.apiVersions)
    const { supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch } = answer(apis.apiVersions, exchange!)
    expect(supportedFeatures.map(({ name }) => name)).toContain('transaction.version')
    expect(finalizedFeatures.map(({ name }) => name)).toContain('metadata.version')
    expect(finalizedFeaturesEpoch).toBeGreaterThanOrEqual(0n)
  })

  test('the Java producer names itself, its topic by id, and asks for a fresh producer id', () => {
    const [hello] = find('Apache Kafka Java clients 4', apis.apiVersions)
    expect(apis.apiVersions.request.decode(bodyOf(hello!.request), hello!.version)).toEqual({
      clientSoftwareName: 'apache-kafka-java',
      clientSoftwareVersion: '4.3.1',
    })
    const [produce] = find('Apache Kafka Java clients 4', apis.produce)
    const [topic] = apis.produce.request.decode(bodyOf(produce!.request), produce!.version).topicData
    expect(topic!.name).toBe('')
    expect(Buffer.from(topic!.topicId, 'base64url')).toHaveLength(16)
    const [init] = find('Apache Kafka Java clients 4', apis.initProducerId)
    expect(apis.initProducerId.request.decode(bodyOf(init!.request), init!.version)).toMatchObject({
      transactionalId: null,
      producerId: -1n,
      producerEpoch: -1,
    })
  })
})
