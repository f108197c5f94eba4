import type { HeaderValue } from '../../client/record/record.ts'

/** How the bytes of one line are told apart into headers, key and value: in this order, as kafka-console-producer reads them. */
export interface LineFormat {
  readonly headers?: {
    /** Ends the headers. */
    readonly delimiter: Buffer
    /** Between two headers; applied to the bytes as latin1, so that any byte passes unchanged. */
    readonly separator: RegExp | string
    /** Between the name and the value of a header. */
    readonly keySeparator: Buffer
  }
  readonly key?: {
    readonly separator: Buffer
    /** A line without the separator is an error (`parse.key`), or a value without a key (kcat's `-K`). */
    readonly required: boolean
  }
  /** Stands for null as key, value, header value, or all headers of a line. */
  readonly nullMarker?: Buffer
  /** An empty key or value is null (kcat's `-Z`). */
  readonly emptyIsNull?: boolean
  /** What is missing on a line is left out instead of being an error (`ignore.error`). */
  readonly ignoreErrors?: boolean
}

export interface ParsedLine {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: HeaderValue])[]
}

/** The line is not what its format says. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

const none: ParsedLine['headers'] = []

/** Reads one line. The buffers of the result are views of it. Throws `LineError`. Source of the rules: LineMessageReader.java. */
export function parseLine(line: Buffer, format: LineFormat): ParsedLine {
  let rest = line
  let headers = none
  if (format.headers !== undefined) {
    const end = rest.indexOf(format.headers.delimiter)
    if (end !== -1) {
      const part = rest.subarray(0, end)
      rest = rest.subarray(end + format.headers.delimiter.length)
      if (!isMarker(part, format)) headers = parseHeaders(part, format.headers, format)
    } else if (!format.ignoreErrors) {
      throw new LineError(`no headers delimiter ${shown(format.headers.delimiter)} on the line`)
    }
  }
  let key: Buffer | null = null
  if (format.key !== undefined) {
    const end = rest.indexOf(format.key.separator)
    if (end !== -1) {
      key = orNull(rest.subarray(0, end), format)
      rest = rest.subarray(end + format.key.separator.length)
    } else if (format.key.required && !format.ignoreErrors) {
      throw new LineError(`no key separator ${shown(format.key.separator)} on the line`)
    }
  }
  return { key, value: orNull(rest, format), headers }
}

function parseHeaders(part: Buffer, rules: NonNullable<LineFormat['headers']>, format: LineFormat) {
  const headers: (readonly [string, HeaderValue])[] = []
  const pairs = part.toString('latin1').split(rules.separator)
  // As Java's split: empty strings at the end do not count.
  while (pairs.length > 0 && pairs[pairs.length - 1] === '') pairs.pop()
  for (const text of pairs) {
    const pair = Buffer.from(text, 'latin1')
    const end = pair.indexOf(rules.keySeparator)
    if (end === -1) {
      if (!format.ignoreErrors) throw new LineError(`no header key separator ${shown(rules.keySeparator)} in a header`)
      headers.push([pair.toString(), null])
      continue
    }
    const name = pair.subarray(0, end)
    if (isMarker(name, format)) throw new LineError('a header name is the null marker, and names cannot be null')
    const value = pair.subarray(end + rules.keySeparator.length)
    headers.push([name.toString(), isMarker(value, format) ? null : value])
  }
  return headers
}

function isMarker(bytes: Buffer, format: LineFormat): boolean {
  return format.nullMarker?.equals(bytes) ?? false
}

function orNull(bytes: Buffer, format: LineFormat): Buffer | null {
  return (format.emptyIsNull === true && bytes.length === 0) || isMarker(bytes, format) ? null : bytes
}

/** A separator as it is told to a person; never the payload. */
export function shown(separator: Buffer): string {
  return JSON.stringify(separator.toString())
}
