/** Ids as bytes, by their text: a topic's id is in every request, and is the same for as long as the topic lives. */
const known = new Map<string, Uint8Array>()
/** Topics come and go; what is dropped here is only computed again. */
const mostKnown = 10_000

/** The sixteen bytes of a topic id; undefined where there is none. */
export function topicIdBytes(id: string | undefined): Uint8Array | undefined {
  if (id === undefined) return undefined
  let bytes = known.get(id)
  if (bytes === undefined) {
    bytes = Buffer.from(id, 'base64url')
    if (known.size >= mostKnown) known.clear()
    known.set(id, bytes)
  }
  return bytes
}
