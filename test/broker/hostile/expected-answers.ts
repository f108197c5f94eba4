import {
  apiByKey,
  apis,
  type Body,
  DecodeError,
  isFlexible,
  type Message,
  Reader,
  type RequestHeader,
  readRequestHeader,
} from '../../../src/wire/protocol/index.ts'

/** What must come of one frame. */
export type Expectation =
  /** An answer, in this version's form. */
  | { readonly kind: 'answer'; readonly header: RequestHeader; readonly response: Message; readonly mayTakeMs: number }
  /** Nothing, or the end of the connection: acks=0. */
  | { readonly kind: 'silence' }
  /** The end of the connection. */
  | { readonly kind: 'end'; readonly why: string }

/** Announced versions by API key. */
export type Announced = ReadonlyMap<number, { readonly minVersion: number; readonly maxVersion: number }>

/** No long poll or rebalance takes longer unless the request, or another member's, says so. */
export const ordinaryMs = 300_000

/** What must come of the frames in what is sent, and how far the broker reads. */
export interface Prospect {
  readonly expected: readonly Expectation[]
  /** Where the first frame ends that ends the connection; else where the last whole frame does. */
  readonly readTo: number
}

/**
 * Cuts what is sent into frames, as Kafka would, and tells for each what must come of it: every request that can be read is
 * answered, and the first of those that cannot be read ends the connection.
 */
export function expectedAnswers(sent: Buffer, announced: Announced, maxRequestBytes: number): Prospect {
  const expected: Expectation[] = []
  let at = 0
  while (at + 4 <= sent.length) {
    const length = sent.readInt32BE(at)
    if (length < 0 || length > maxRequestBytes) {
      expected.push({ kind: 'end', why: `length ${length}` })
      return { expected, readTo: at + 4 }
    }
    if (at + 4 + length > sent.length) break
    const one = expectedOf(sent.subarray(at + 4, at + 4 + length), announced)
    expected.push(one)
    at += 4 + length
    if (one.kind === 'end') break
  }
  return { expected, readTo: at }
}

function expectedOf(frame: Buffer, announced: Announced): Expectation {
  try {
    const reader = new Reader(frame)
    const header = readRequestHeader(reader, isFlexible)
    const { apiKey, apiVersion } = header
    const api = apiByKey(apiKey)
    const range = announced.get(apiKey)
    if (!api || !range) return { kind: 'end', why: `API ${apiKey}` }
    const { request, response } = api
    const readable = apiVersion >= request.versions[0] && apiVersion <= range.maxVersion
    if (!readable && apiKey === apis.apiVersions.request.key)
      return { kind: 'answer', header: { ...header, apiVersion: 0 }, response, mayTakeMs: 0 }
    if (!readable) return { kind: 'end', why: `${request.name} v${apiVersion}` }
    const body: unknown = request.read(reader, apiVersion)
    if (request === apis.produce.request && (body as Body<typeof apis.produce.request>).acks === 0)
      return { kind: 'silence' }
    return { kind: 'answer', header, response, mayTakeMs: patience(request, body) }
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'end', why: error.message }
    throw error
  }
}

/** A rebalance waits for the longest that any member of the group has asked for. */
function patience(request: Message, body: unknown): number {
  if (request === apis.fetch.request) return Math.max(0, (body as Body<typeof apis.fetch.request>).maxWaitMs)
  return request === apis.joinGroup.request || request === apis.syncGroup.request ? 2 ** 31 : 0
}
