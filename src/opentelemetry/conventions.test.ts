import { expect, test } from 'vitest'
import { conventionsOf, named, serverOf } from './conventions.ts'

test.each([
  [undefined, 'stable'],
  ['', 'stable'],
  ['messaging', 'stable'],
  ['http,messaging', 'stable'],
  ['messaging/dup', 'dup'],
  ['http/dup, messaging/dup', 'dup'],
  ['http/dup', 'stable'],
])('OTEL_SEMCONV_STABILITY_OPT_IN=%s asks for the names that are %s', (optIn, conventions) => {
  expect(conventionsOf(optIn)).toBe(conventions)
})

test('what was renamed has its new name, its old one, or both', () => {
  expect(named('stable', 'offset', 7)).toEqual({ 'kafka.offset': 7 })
  expect(named('old', 'offset', 7)).toEqual({ 'messaging.kafka.offset': 7 })
  expect(named('dup', 'offset', 7)).toEqual({ 'kafka.offset': 7, 'messaging.kafka.offset': 7 })
})

test.each([
  ['127.0.0.1:9092', '127.0.0.1', '127.0.0.1', 9092],
  ['broker.example:19092 (192.0.2.7)', 'broker.example', '192.0.2.7', 19092],
  ['[::1]:9092', '::1', '::1', 9092],
  ['localhost:9092 (::1)', 'localhost', '::1', 9092],
])('%s is a server and a peer', (remote, address, peer, port) => {
  expect(serverOf(remote)).toEqual({
    'server.address': address,
    'server.port': port,
    'network.peer.address': peer,
    'network.peer.port': port,
  })
})

test('what is no address has no attributes', () => {
  expect(serverOf('somewhere')).toEqual({})
})
