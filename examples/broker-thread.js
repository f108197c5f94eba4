// The embedded broker in a thread of its own, for a program that blocks the thread it runs in: a broker in that one would be blocked
// as well, and could not answer. Both ends are in this file.
import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { startBroker } from 'ottla/broker'

/** @typedef {{ partition: number, offset: bigint, key: string, value: string }} Stored what the broker has stored of a record */

/**
 * Starts the thread, and the broker in it. Rejects with the broker's error where it cannot start; the thread has ended then.
 *
 * @param {string} topic
 * @param {number} partitions
 */
export async function startBrokerThread(topic, partitions) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { topic, partitions } })
  // Rejects with what is thrown in the thread.
  const [bootstrapServers] = /** @type {[string]} */ (await once(worker, 'message'))
  return {
    bootstrapServers,
    /** The topic's records, by partition and offset. @returns {Promise<Stored[]>} */
    async records() {
      const answer = once(worker, 'message')
      worker.postMessage('records')
      return (await answer)[0]
    },
    /** Ends the thread. The broker keeps its records in memory: there is nothing to be saved. */
    async close() {
      await worker.terminate()
    },
  }
}

// The other end.
if (parentPort) {
  const port = parentPort
  const { topic, partitions } = workerData
  const broker = await startBroker({ port: 0, topics: { [topic]: { partitions } } })
  port.on('message', () => {
    const stored = broker.records(topic).map(({ partition, offset, key, value }) => {
      return { partition, offset, key: String(key), value: String(value) }
    })
    port.postMessage(stored)
  })
  port.postMessage(broker.bootstrapServers)
}
