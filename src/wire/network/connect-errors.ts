import { NetworkError } from '../../base/errors/index.ts'
import type { DecodeError } from '../protocol/index.ts'
import type { Call } from './call.ts'
import type { BadLengthError } from './frame-splitter.ts'

const words: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED)',
  ECONNRESET: 'the other side reset it (ECONNRESET)',
  EPIPE: 'the other side closed it (EPIPE)',
  ENOTFOUND: 'the name is not known (ENOTFOUND)',
  EAI_AGAIN: 'the name server does not answer (EAI_AGAIN)',
  ENETUNREACH: 'there is no route (ENETUNREACH)',
  EHOSTUNREACH: 'there is no route (EHOSTUNREACH)',
  ETIMEDOUT: 'no sign of life (ETIMEDOUT)',
  EMFILE: 'this process has no file descriptor left (EMFILE)',
  EADDRNOTAVAIL: 'this machine has no port left (EADDRNOTAVAIL)',
}

/** What a system error means, in words. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  return (code !== undefined && words[code]) || error.message
}

/** What spoke where a broker was expected, judged by the first bytes; undefined: nothing that we know. */
export function whoSpeaks(bytes: Buffer): string | undefined {
  // A TLS record: its type, then version 3.x.
  if (bytes[0]! >= 0x14 && bytes[0]! <= 0x17 && bytes[1] === 3 && bytes[2]! <= 4)
    return 'a TLS record came back: is this a TLS port spoken to in plaintext?'
  const text = bytes.toString('latin1')
  if (text === 'HTTP') return 'an HTTP answer came back: is this a web server?'
  return /^[\x20-\x7e\r\n]+$/.test(text) ? `the answer begins with ${JSON.stringify(text)}` : undefined
}

/** The error for a frame that cannot be one. Only the first bytes of a connection say who is there. */
export function badLength(remote: string, error: BadLengthError, isFirst: boolean): NetworkError {
  const speaker = isFirst ? whoSpeaks(error.firstBytes) : undefined
  return speaker === undefined
    ? new NetworkError('BAD_RESPONSE', `${remote}: ${error.message}`, error)
    : new NetworkError('NOT_KAFKA', `${remote} does not speak Kafka's protocol: ${speaker}`, error)
}

export const badResponse = (remote: string, error: DecodeError): NetworkError =>
  new NetworkError('BAD_RESPONSE', `${remote} sent what is no answer: ${error.message}`, error)

export const givenUp = (remote: string): NetworkError =>
  new NetworkError('CONNECT_FAILED', `connecting to ${remote} was given up`)

/** `isFirst`: before it answered anything, which listeners for TLS do. */
export function hungUp(remote: string, isFirst: boolean): NetworkError {
  const hint = isFirst ? ' before it answered: is this a TLS port, or no Kafka?' : ''
  return new NetworkError('CONNECTION_CLOSED', `${remote} closed the connection${hint}`)
}

export const socketError = (remote: string, isConnecting: boolean, error: Error): NetworkError =>
  isConnecting
    ? new NetworkError('CONNECT_FAILED', `cannot connect to ${remote}: ${explain(error)}`, error)
    : new NetworkError('CONNECTION_CLOSED', `the connection to ${remote} broke: ${explain(error)}`, error)

export function setUpTimeout(remote: string, isConnecting: boolean, timeoutMs: number): NetworkError {
  const within = `within ${Math.round(timeoutMs)} ms`
  const message = isConnecting
    ? `no connection to ${remote} ${within}`
    : `${remote} took the connection and then said nothing ${within}: is this a Kafka broker, and a plaintext port?`
  return new NetworkError('CONNECT_TIMEOUT', message)
}

export function requestTimeout(remote: string, { apiKey, timeoutMs, expectsAnswer }: Call): NetworkError {
  const what = expectsAnswer ? 'no answer' : 'a request could not be written'
  return new NetworkError('REQUEST_TIMEOUT', `${remote}: ${what} within ${timeoutMs} ms (API key ${apiKey})`)
}
