import { describe, expect, test } from 'vitest'
import { type Api, apiByKey, apis, type Body, type Draft, isFlexible, type Message } from './index.ts'

describe('the registry', () => {
  test('finds an API by its key, and nothing for keys that are not ours', () => {
    expect(apiByKey(3)).toBe(apis.metadata)
    expect(apiByKey(9999)).toBeUndefined()
    expect(apiByKey(-1)).toBeUndefined()
  })

  test('request and response of an API share key, versions and the first flexible version', () => {
    for (const { request, response } of Object.values(apis) as Api[]) {
      expect(request.name.replace('Request', 'Response')).toBe(response.name)
      expect([response.key, response.versions, response.flexibleFrom]).toEqual([
        request.key,
        request.versions,
        request.flexibleFrom,
      ])
      expect(apiByKey(request.key)?.response).toBe(response)
    }
  })

  test('knows which versions are flexible', () => {
    expect([isFlexible(3, 8), isFlexible(3, 9), isFlexible(17, 1), isFlexible(60, 0), isFlexible(9999, 3)]).toEqual([
      false,
      true,
      false,
      true,
      false,
    ])
  })

  test('types a function over all APIs: drafts may leave out defaults, bodies have every field', async () => {
    async function echo<Q extends Message, A extends Message>(api: Api<Q, A>, body: Draft<Q>, answer: Draft<A>) {
      api.request.encode(body, api.request.versions[1])
      const version = api.response.versions[1]
      return api.response.decode(api.response.encode(answer, version), version) as Body<A>
    }
    const body = await echo(
      apis.metadata,
      { topics: [{ name: 'a' }] },
      { brokers: [{ nodeId: 1, host: 'h', port: 9 }], topics: [{ errorCode: 0, name: 'a', partitions: [] }] },
    )
    const rack: string | null = body.brokers[0]!.rack
    expect(rack).toBeNull()
    // @ts-expect-error: topics[].nam is no field of the table
    await expect(echo(apis.metadata, { topics: [{ nam: 'a' }] }, { brokers: [], topics: [] })).resolves.toBeDefined()
    // @ts-expect-error: a port is a number
    const port: string = body.brokers[0]!.port
    expect(port).toBe(9)
  })
})
