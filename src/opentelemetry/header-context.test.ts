import { type Context, ROOT_CONTEXT, type TextMapPropagator, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import type { HeaderPair } from '../client/record/headers.ts'
import { carriedContext, injectContext } from './header-context.ts'

const ids = (n: number) => ({ traceId: String(n).repeat(32), spanId: String(n).repeat(16), traceFlags: 1 })
const withSpan = (n: number): Context => trace.setSpanContext(ROOT_CONTEXT, ids(n))

/** Writes and reads one header, and names another that it might write. */
const propagator: TextMapPropagator = {
  inject(context, carrier, setter) {
    const span = trace.getSpanContext(context)
    if (span !== undefined) setter.set(carrier, 'span', span.spanId)
  },
  extract(context, carrier, getter) {
    const found = getter.get(carrier, 'span')
    return typeof found === 'string' ? trace.setSpanContext(context, ids(Number(found[0]))) : context
  },
  fields: () => ['span', 'state'],
}

test('the context is written behind the record’s own headers', () => {
  const headers: HeaderPair[] = [['own', 'x']]
  injectContext(propagator, withSpan(1), headers)
  expect(headers).toEqual([
    ['own', 'x'],
    ['span', '1'.repeat(16)],
  ])
})

test('what a record carried before is replaced, also the part that the new context does not have', () => {
  const headers: HeaderPair[] = [
    ['span', 'old'],
    ['own', null],
    ['state', Buffer.from('old')],
    ['span', 'older'],
  ]
  injectContext(propagator, withSpan(2), headers)
  expect(headers).toEqual([
    ['own', null],
    ['span', '2'.repeat(16)],
  ])
})

test('where there is nothing to write, headers stay as they are', () => {
  const headers: HeaderPair[] = [['span', 'old']]
  injectContext(propagator, ROOT_CONTEXT, headers)
  expect(headers).toEqual([['span', 'old']])
})

test('a carried context is read from text or bytes, the last one of its name', () => {
  const read = (...headers: HeaderPair[]) => carriedContext(propagator, headers)?.spanId[0]
  expect(read(['span', '1'])).toBe('1')
  expect(read(['span', '1'], ['span', Buffer.from('3')])).toBe('3')
  expect(read(['span', null])).toBeUndefined()
  expect(read(['other', '1'])).toBeUndefined()
})
