import { describe, expect, test } from 'vitest'
import { systemClock } from '../base/time/clock.ts'
import { keptBody } from './kept-body.ts'
import { type BrokerRequest, RequestLog } from './request-log.ts'

const request = (correlationId: number, given: Partial<BrokerRequest> = {}): BrokerRequest => ({
  ...{ at: 0, broker: 1, connection: 1, api: 'Metadata', version: 9, clientId: null, correlationId, body: {} },
  ...{ targets: [], transactionalId: null, group: null, batches: [], faults: [] },
  ...given,
})
const idsOf = (log: RequestLog) => log.entries().map(({ correlationId }) => correlationId)

describe('the request log', () => {
  test('keeps as many requests as it may, the last ones, and counts all', () => {
    const log = new RequestLog(3, systemClock)

    for (let id = 1; id <= 5_000; id++) log.add(request(id), 10)

    expect(idsOf(log)).toEqual([4_998, 4_999, 5_000])
    expect(log.count()).toBe(5_000)
  })

  test('keeps fewer where they are large, and always the last one', () => {
    const log = new RequestLog(1_000, systemClock)

    for (let id = 1; id <= 100; id++) log.add(request(id), 3 * 2 ** 20)
    expect(idsOf(log)).toEqual([96, 97, 98, 99, 100])

    log.add(request(101), 2 ** 30)
    expect(idsOf(log)).toEqual([101])

    log.add(request(102), 10)
    expect(idsOf(log)).toEqual([102])
  })

  test('keeps none where it may have none', () => {
    const log = new RequestLog(0, systemClock)
    log.add(request(1), 10)
    expect(idsOf(log)).toEqual([])
  })
})

describe('a body that is kept', () => {
  test('has bytes of its own, so that the frame they were read from can go', () => {
    const frame = Buffer.alloc(65_536, 'x')
    const body = { groupId: 'g', protocols: [{ name: 'range', metadata: frame.subarray(10, 20) }] }

    const kept = keptBody(body).body as typeof body

    expect(kept).toEqual(body)
    expect(kept.protocols[0]!.metadata.buffer.byteLength).toBe(10)
    expect(body.protocols[0]!.metadata.buffer).toBe(frame.buffer)
  })

  test('is the same object where it has no bytes, and is weighed by what is in it', () => {
    const body = { topics: Array.from({ length: 1_000 }, (_, index) => ({ name: `topic ${index}`, partitions: [0] })) }

    const { body: kept, sizeInBytes } = keptBody(body)

    expect(kept).toBe(body)
    expect(sizeInBytes).toBeGreaterThan(100_000)
    expect(keptBody({}).sizeInBytes).toBeLessThan(100)
  })
})
