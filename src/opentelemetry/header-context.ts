import { type Context, ROOT_CONTEXT, type SpanContext, type TextMapPropagator, trace } from '@opentelemetry/api'
import type { HeaderPair } from '../client/record/headers.ts'

export type Propagator = Pick<TextMapPropagator, 'inject' | 'extract' | 'fields'>

/**
 * Writes the context into a record's headers. What the propagator's fields held before goes: a record that is passed on would else
 * carry two contexts. Where there is nothing to write, the headers stay as they are.
 */
export function injectContext(propagator: Propagator, context: Context, headers: HeaderPair[]): void {
  const made = new Map<string, string>()
  propagator.inject(context, made, { set: (into, name, value) => void into.set(name, value) })
  if (made.size === 0) return
  if (headers.length > 0) {
    const names = new Set([...propagator.fields(), ...made.keys()])
    headers.splice(0, headers.length, ...headers.filter(([name]) => !names.has(name)))
  }
  headers.push(...made)
}

/** The span that a record came with, where it is passed on from elsewhere. */
export function carriedContext(propagator: Propagator, headers: readonly HeaderPair[]): SpanContext | undefined {
  if (headers.length === 0) return undefined
  const names = new Set(propagator.fields())
  if (!headers.some(([name]) => names.has(name))) return undefined
  const carried = propagator.extract(ROOT_CONTEXT, headers, {
    keys: (pairs: readonly HeaderPair[]) => pairs.map(([name]) => name),
    get: (pairs: readonly HeaderPair[], name) => textOf(pairs.findLast(([own]) => own === name)?.[1]),
  })
  return trace.getSpanContext(carried)
}

const textOf = (value: HeaderPair[1] | undefined): string | undefined =>
  value === null || value === undefined ? undefined : typeof value === 'string' ? value : Buffer.from(value).toString()
