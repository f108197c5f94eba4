import { isIPv4, isIPv6 } from 'node:net'

/** A host and port to start from. An IPv6 address is without its brackets. */
export interface BootstrapServer {
  readonly host: string
  readonly port: number
}

/**
 * Reads `'host:port,host:port'` or an array of `'host:port'`. The problems name the entry they are about.
 * Stricter than Java, whose pattern finds a host and port inside almost anything.
 */
export function parseBootstrapServers(given: string | readonly unknown[]): {
  servers: readonly BootstrapServer[]
  problems: readonly string[]
} {
  // A trailing comma is harmless in a string, as in Java; an empty element of an array was put there.
  const entries = typeof given === 'string' ? given.split(',').filter(entry => entry.trim() !== '') : given
  if (entries.length === 0) return { servers: [], problems: ['no server is named; write host:port'] }
  const servers = new Map<string, BootstrapServer>()
  const problems: string[] = []
  for (const entry of entries) {
    const parsed = typeof entry === 'string' ? parseEntry(entry.trim()) : 'is not a string'
    if (typeof parsed === 'string') problems.push(`${nameEntry(entry)} ${parsed}`)
    else servers.set(`${parsed.host}:${parsed.port}`, Object.freeze(parsed))
  }
  return { servers: Object.freeze([...servers.values()]), problems }
}

/** An entry as it may be shown: what stands before an @ could be a password. */
function nameEntry(entry: unknown): string {
  if (typeof entry !== 'string') return `an entry of type ${entry === null ? 'null' : typeof entry}`
  const shown = entry.trim()
  const from = shown.lastIndexOf('@') + 1
  const text = (from > 0 ? '…@' : '') + shown.slice(from)
  return `entry ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)}`
}

function parseEntry(entry: string): BootstrapServer | string {
  if (entry === '') return 'is empty; write host:port'
  if (entry.includes('://')) return 'has a protocol before it; write host:port alone (see securityProtocol)'
  if (/[@/?#\\]/.test(entry)) return 'is not host:port'
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(entry)
  if (!bracketed && isIPv6(entry)) return `is an IPv6 address without brackets; write [${entry}]:9092`
  const colon = entry.lastIndexOf(':')
  const hostText = bracketed ? bracketed[1]! : colon < 0 ? entry : entry.slice(0, colon)
  const portText = bracketed ? bracketed[2] : colon < 0 ? undefined : entry.slice(colon + 1)
  if (hostText === '') return 'has no host'
  const host = bracketed ? (isIPv6(hostText) ? hostText.toLowerCase() : undefined) : hostName(hostText)
  if (host === undefined) return bracketed ? 'has no IPv6 address in its brackets' : 'has a host that cannot be one'
  if (portText === undefined || portText === '') return 'has no port; Kafka usually listens on 9092'
  const port = /^\d{1,6}$/.test(portText) ? Number(portText) : 0
  if (port < 1 || port > 65535) return 'has a port that is not from 1 to 65535'
  return { host, port }
}

/** The host in lower case and, where it is not ASCII, in the form that DNS takes. */
function hostName(text: string): string | undefined {
  if (isIPv4(text)) return text
  const host = /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : asciiOf(text)
  if (host === undefined || host.length > 254 || /^[\d.]+$/.test(host)) return undefined
  const labels = host.replace(/\.$/, '').split('.')
  return labels.every(label => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) ? host : undefined
}

function asciiOf(text: string): string | undefined {
  return URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : undefined
}
