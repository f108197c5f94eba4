import { expect, test } from 'vitest'
import { errorFromData, errorToData } from './error-data.ts'
import {
  AbortedError,
  BrokerError,
  ClosedError,
  DeliveryTimeoutError,
  KafkaError,
  MetadataTimeoutError,
  NetworkError,
  RecordTooLargeError,
  TimeoutError,
  UnsupportedVersionError,
} from './index.ts'

const acrossThreads = (error: unknown) => errorFromData(structuredClone(errorToData(error)))

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

test.each([
  new KafkaError('ANY', 'any', { outcome: 'unknown', fatal: true }),
  new BrokerError('NOT_ENOUGH_REPLICAS', 19, 'too few', { retriable: true, outcome: 'not-written' }),
  new NetworkError('CONNECT_FAILED', 'nobody listens', refused),
  new DeliveryTimeoutError('late', 'unknown', new NetworkError('REQUEST_TIMEOUT', 'silence', refused)),
  new MetadataTimeoutError('unheard of', new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', 3, 'no such topic')),
  new RecordTooLargeError('too large'),
  new UnsupportedVersionError('nothing in common'),
  new ClosedError('closed', 'not-written'),
  new AbortedError('aborted', 'unknown'),
  new TimeoutError('over'),
])('$name crosses threads with class, code, outcome, cause and stack', error => {
  const again = acrossThreads(error)
  expect(again).toBeInstanceOf(error.constructor)
  expect(again).toEqual(error)
  expect(again.stack).toBe(error.stack)
  expect(errorToData(again)).toEqual(errorToData(error))
  expect((again.cause as Error | undefined)?.constructor).toBe((error.cause as Error | undefined)?.constructor)
})

test('what is no error, or of a class of its own, is an error all the same', () => {
  class Own extends Error {
    override name = 'Own'
  }
  expect(acrossThreads(new Own('mine'))).toMatchObject({ name: 'Own', message: 'mine' })
  expect(acrossThreads('text')).toMatchObject({ message: 'text' })
})

test('a chain of causes that leads back to its beginning ends', () => {
  const round = new Error('round')
  round.cause = round
  expect(acrossThreads(round).message).toBe('round')
})
