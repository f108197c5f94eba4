/** `linger.ms` → `lingerMs`; also reads `linger_ms` and `linger-ms`. */
export function camelCase(kafkaName: string): string {
  return kafkaName.replace(/[._-]+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** What other clients call an option of ours: librdkafka, kafkajs, @platformatic/kafka. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['brokers', 'bootstrapServers'],
  ['bootstrapbrokers', 'bootstrapServers'],
  ['brokerlist', 'bootstrapServers'],
  ['metadatabrokerlist', 'bootstrapServers'],
  ['queuebufferingmaxms', 'lingerMs'],
  ['queuebufferingmaxkbytes', 'bufferMemory'],
  ['batchnummessages', 'batchSize'],
  ['compression', 'compressionType'],
  ['compressioncodec', 'compressionType'],
  ['messagemaxbytes', 'maxRequestSize'],
  ['requestrequiredacks', 'acks'],
  ['messagetimeoutms', 'deliveryTimeoutMs'],
  ['requesttimeout', 'requestTimeoutMs'],
  ['connectiontimeout', 'socketConnectionSetupTimeoutMs'],
  ['socketconnectiontimeoutms', 'socketConnectionSetupTimeoutMs'],
  ['idempotent', 'enableIdempotence'],
  ['maxinflight', 'maxInFlightRequestsPerConnection'],
  ['maxinflightrequests', 'maxInFlightRequestsPerConnection'],
  ['createpartitioner', 'partitioner'],
  ['messagesendmaxretries', 'retries'],
])

/** A name without what people vary: case, dots, dashes, underscores. */
export const plainName = (name: string): string => name.replace(/[._\-\s]/g, '').toLowerCase()

/** The candidate that was most likely meant, if one is near enough. */
export function nearestName(given: string, candidates: Iterable<string>): string | undefined {
  const plain = plainName(given)
  // Beyond this no option's name is near, and the distance costs the square of the length.
  if (plain === '' || plain.length > 80) return undefined
  const known = elsewhere.get(plain)
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate === known || camelCase(candidate) === known) return candidate
    const distance = editDistance(plain, plainName(candidate))
    if (distance < least) {
      least = distance
      nearest = candidate
    }
  }
  return nearest
}

/** Damerau–Levenshtein, optimal string alignment: insertions, deletions, changes and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1)
      }
      row.push(distance)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
