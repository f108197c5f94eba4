import { expect, test } from 'vitest'
import { errorNumber, KafkaError, NetworkError } from '../../base/errors/index.ts'
import { Backoff } from '../../base/time/backoff.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { Identity, type ProducerIdAnswer } from './identity.ts'

const turn = () => new Promise(resolve => setImmediate(resolve))

function setting(...answers: (Partial<ProducerIdAnswer> | Error)[]) {
  const clock = new ManualClock({ turns: 'manual' })
  const seen: string[] = []
  let asked = 0
  const identity = new Identity(
    (answered, failed) => {
      const answer = answers[asked++] ?? {}
      const producerId = BigInt(asked)
      queueMicrotask(() => {
        if (answer instanceof Error) failed(answer)
        else answered({ errorCode: 0, producerId, producerEpoch: 0, ...answer })
      })
    },
    { onReady: () => seen.push('ready'), onRefused: error => seen.push(`refused ${error.code}`) },
    new Backoff(100, 1000, () => 0.5),
    clock,
  )
  return { clock, identity, seen, asked: () => asked }
}

test('it is asked for once, and told when it is there', async () => {
  const { identity, seen, asked } = setting()
  identity.request()
  identity.request()
  expect(identity.current).toBeUndefined()
  await turn()
  expect(identity.current).toEqual({ producerId: 1n, producerEpoch: 0 })
  identity.request()
  await turn()
  expect([asked(), seen]).toEqual([1, ['ready']])
})

test('after an error that may pass it asks again, later each time', async () => {
  const { clock, identity, seen, asked } = setting(
    { errorCode: errorNumber('COORDINATOR_LOAD_IN_PROGRESS') },
    new NetworkError('CONNECTION_CLOSED', 'gone'),
  )
  identity.request()
  await turn()
  expect(identity.lastError).toMatchObject({ code: 'COORDINATOR_LOAD_IN_PROGRESS' })
  identity.request()
  clock.advance(99)
  await turn()
  expect(asked()).toBe(1)
  clock.advance(1)
  await turn()
  expect(identity.lastError).toMatchObject({ code: 'CONNECTION_CLOSED' })
  clock.advance(199)
  expect(asked()).toBe(2)
  clock.advance(1)
  await turn()
  expect([asked(), seen, identity.lastError]).toEqual([3, ['ready'], undefined])
})

test('a refusal is told at once, and the next record asks again', async () => {
  const { clock, identity, seen, asked } = setting({ errorCode: errorNumber('CLUSTER_AUTHORIZATION_FAILED') })
  identity.request()
  await turn()
  expect(seen).toEqual(['refused CLUSTER_AUTHORIZATION_FAILED'])
  expect(identity.lastError?.message).toContain('enableIdempotence')
  expect(clock.pendingTimers).toBe(0)
  identity.request()
  await turn()
  expect([asked(), seen.at(-1)]).toEqual([2, 'ready'])
})

test('what is no KafkaError is a refusal, not an unhandled rejection', async () => {
  const { identity, seen } = setting(new TypeError('our own mistake'))
  identity.request()
  await turn()
  expect(seen).toEqual(['refused INIT_PRODUCER_ID'])
  expect(identity.lastError).toBeInstanceOf(KafkaError)
})

test('a bump raises the epoch, and asks for a new id after the last one', async () => {
  const { identity, asked } = setting({ producerEpoch: 32766 })
  identity.bump()
  expect(identity.current).toBeUndefined()
  identity.request()
  await turn()
  const before = identity.current
  identity.bump()
  expect(identity.current).toEqual({ producerId: 1n, producerEpoch: 32767 })
  expect(before).toEqual({ producerId: 1n, producerEpoch: 32766 })
  identity.bump()
  expect(identity.current).toBeUndefined()
  await turn()
  expect(identity.current).toEqual({ producerId: 2n, producerEpoch: 0 })
  expect(asked()).toBe(2)
})

test('closed, it neither asks nor answers', async () => {
  const { clock, identity, seen, asked } = setting(new NetworkError('CONNECTION_CLOSED', 'gone'))
  identity.request()
  await turn()
  identity.close()
  clock.advance(10_000)
  identity.request()
  await turn()
  expect([asked(), seen, clock.pendingTimers]).toEqual([1, [], 0])
})

test('an answer that comes after the close is dropped', async () => {
  const { identity, seen } = setting()
  identity.request()
  identity.close()
  await turn()
  expect([identity.current, seen]).toEqual([undefined, []])
})

test('asked again while a question is out, only the newer answer counts', async () => {
  const { identity, seen, asked } = setting()
  identity.handOver() // nothing was asked: nothing to repeat
  expect(asked()).toBe(0)
  identity.request()
  identity.handOver()
  await turn()
  expect(identity.current).toEqual({ producerId: 2n, producerEpoch: 0 })
  identity.handOver()
  await turn()
  expect([asked(), seen]).toEqual([2, ['ready']])
})
