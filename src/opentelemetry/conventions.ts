import type { Attributes, AttributeValue } from '@opentelemetry/api'

/**
 * Under which names attributes are written that the conventions for messaging have renamed: `stable` writes those of release 1.45
 * (`messaging.system.name`, `kafka.offset`, …), `old` those before (`messaging.system`, `messaging.kafka.offset`, …), `dup` both.
 */
export type SemanticConventions = 'stable' | 'old' | 'dup'

/** What was renamed in 1.45: the name since, and the name before. */
const renamed = {
  system: ['messaging.system.name', 'messaging.system'],
  offset: ['kafka.offset', 'messaging.kafka.offset'],
  key: ['kafka.message.key', 'messaging.kafka.message.key'],
  tombstone: ['kafka.message.tombstone', 'messaging.kafka.message.tombstone'],
} as const

/** The attribute under the names that are asked for. */
export function named(conventions: SemanticConventions, what: keyof typeof renamed, value: AttributeValue): Attributes {
  const [now, before] = renamed[what]
  if (conventions === 'stable') return { [now]: value }
  return conventions === 'old' ? { [before]: value } : { [now]: value, [before]: value }
}

/** What all spans and metrics of a producer have: names and types of the conventions' operation. */
export const operation = (conventions: SemanticConventions): Attributes => ({
  ...named(conventions, 'system', 'kafka'),
  'messaging.operation.name': 'send',
  'messaging.operation.type': 'send',
})

/** `OTEL_SEMCONV_STABILITY_OPT_IN`, a list with commas: `messaging/dup` asks for both; `messaging`, or nothing, for the names of today. */
export const conventionsOf = (optIn: string | undefined): SemanticConventions =>
  (optIn ?? '').split(',').some(word => word.trim() === 'messaging/dup') ? 'dup' : 'stable'

/** Where a request went: `remote` is `host:port`, with the address behind it in brackets where the host is a name. */
export function serverOf(remote: string): Attributes {
  const { host, v6, port, ip } =
    /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^ ]+)):(?<port>\d+)(?: \((?<ip>[^)]+)\))?$/.exec(remote)?.groups ?? {}
  const address = v6 ?? host
  if (address === undefined) return {}
  return {
    'server.address': address,
    'server.port': Number(port),
    'network.peer.address': ip ?? address,
    'network.peer.port': Number(port),
  }
}
