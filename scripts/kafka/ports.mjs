// @ts-check
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Linux lends the ports from 32768 on to outgoing connections: a broker that is down for a moment could find its port taken.
const first = 20_000
const last = 32_767

/**
 * Free loopback ports, from a random place on, so that two clusters starting at once do not choose the same.
 * @param {number} count
 */
export async function freePorts(count) {
  /** @type {number[]} */
  const found = []
  const start = randomInt(first, last - 1000)
  for (let port = start; found.length < count && port <= last; port++) if (await isFree(port)) found.push(port)
  if (found.length < count) throw new Error(`no ${count} free ports between ${start} and ${last}`)
  return found
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
