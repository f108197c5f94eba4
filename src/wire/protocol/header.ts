import { apiVersionsKey } from './api-keys.ts'
import type { Reader } from './reader.ts'
import { nullable, string } from './types.ts'
import type { Writer } from './writer.ts'

const nullableString = nullable(string)

/** What stands before the body of a request. Source: RequestHeader.json. */
export interface RequestHeader {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
}

/** Header v1, or v2 (with tagged fields) for flexible versions; the client id keeps its old form in both. */
export function writeRequestHeader(writer: Writer, header: RequestHeader, flexible: boolean): void {
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  nullableString.write(writer, header.clientId, 1, false)
  if (flexible) writer.unsignedVarint(0)
}

/** Reads the part of a request header that is the same in every version, to learn which version it is. */
export function readRequestHeader(
  reader: Reader,
  isFlexible: (apiKey: number, apiVersion: number) => boolean,
): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientId = nullableString.read(reader, 1, false)
  if (isFlexible(apiKey, apiVersion)) skipTaggedFields(reader)
  return { apiKey, apiVersion, correlationId, clientId }
}

/** Response header v0 is the correlation id; v1 adds tagged fields. ApiVersions always uses v0, so that any client can read it. */
export function writeResponseHeader(writer: Writer, apiKey: number, correlationId: number, flexible: boolean): void {
  writer.int32(correlationId)
  if (flexible && apiKey !== apiVersionsKey) writer.unsignedVarint(0)
}

export function readResponseHeader(reader: Reader, apiKey: number, flexible: boolean): number {
  const correlationId = reader.int32()
  if (flexible && apiKey !== apiVersionsKey) skipTaggedFields(reader)
  return correlationId
}

function skipTaggedFields(reader: Reader): void {
  const count = reader.unsignedVarint()
  for (let index = 0; index < count; index++) {
    reader.unsignedVarint()
    reader.take(reader.unsignedVarint(), 'tagged field')
  }
}
