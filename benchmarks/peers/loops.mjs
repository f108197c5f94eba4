// How each kind of work sends its records. A result is there when all are acknowledged.

/** A callback a record. Without `room()` no more than `outstanding` are on their way. */
export function callbacks(client, records, count, { outstanding }) {
  return new Promise((resolve, reject) => {
    let settled = 0
    let wake = null
    const onResult = error => {
      if (error) reject(error)
      if (++settled === count) resolve()
      if (wake !== null) {
        const go = wake
        wake = null
        go()
      }
    }
    const hasRoom = client.hasRoom
    const send = async () => {
      const distinct = records.length
      for (let sent = 0; sent < count; sent++) {
        client.sendWithCallback(records[sent % distinct], onResult)
        if (hasRoom !== undefined) {
          if (!hasRoom()) await client.room()
        } else {
          while (sent - settled >= outstanding)
            await new Promise(go => {
              wake = go
            })
        }
      }
    }
    send().catch(reject)
  })
}

/** A window of futures: the oldest is awaited before the next record is sent, so each is awaited by itself. */
export async function futures(client, records, count, settings) {
  const distinct = records.length
  const outstanding = Math.min(count, settings.outstanding)
  const ring = new Array(outstanding)
  for (let sent = 0; sent < count; sent++) {
    const slot = sent % outstanding
    if (sent >= outstanding) await ring[slot]
    ring[slot] = client.send(records[sent % distinct])
  }
  for (let left = 0; left < outstanding; left++) await ring[(count + left) % outstanding]
}

/** Nobody looks at the futures; `flush` at the end. */
export async function unwatched(client, records, count) {
  const distinct = records.length
  for (let sent = 0; sent < count; sent++) {
    client.sendUnwatched(records[sent % distinct])
    if (!client.hasRoom()) await client.room()
  }
  await client.flush()
}

/**
 * A callback a record, in parts of `perTransaction`: `begin` before each, and `end` after it, which is awaited. What stands between
 * two parts is all that differs where one client is measured in several ways.
 */
export async function parts(client, records, count, { perTransaction }) {
  const distinct = records.length
  let acknowledged = 0
  let failure = null
  const onResult = error => {
    if (error) failure ??= error
    else acknowledged++
  }
  let begun = 0
  for (let sent = 0; sent < count; ) {
    client.begin()
    begun++
    for (const end = Math.min(count, sent + perTransaction); sent < end; sent++) {
      client.sendWithCallback(records[sent % distinct], onResult)
      if (!client.hasRoom()) await client.room()
    }
    await client.end()
  }
  await client.flush()
  if (failure !== null) throw failure
  if (acknowledged !== count) throw new Error(`${acknowledged} of ${count} records were acknowledged`)
  return { parts: begun }
}

/** Arrays of `arraySize`, `concurrent` of them at a time. */
export async function many(client, records, count, { arraySize, concurrent }) {
  let sent = 0
  const sender = async () => {
    while (sent < count) {
      const from = sent
      const size = Math.min(arraySize, count - from)
      sent += size
      const array = new Array(size)
      for (let index = 0; index < size; index++) array[index] = records[(from + index) % records.length]
      await client.sendMany(array)
    }
  }
  await Promise.all(Array.from({ length: concurrent }, sender))
}
