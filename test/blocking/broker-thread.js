// The embedded broker in a worker thread, for tests that block their own. Started by broker-thread.ts, which asks it things.
import { parentPort, workerData } from 'node:worker_threads'

const { door, options } = workerData
const { startBroker } = await import(door)
const broker = await startBroker(options)
/** Faults by the number that the other side gave them. */
const faults = new Map()

const answers = {
  call: ({ method, args }) => broker[method](...args),
  later: ({ ms, method, args }) => {
    setTimeout(() => {
      if (broker.topics.includes(args[0])) broker[method](...args)
    }, ms)
  },
  fault: ({ id, method, args }) => {
    faults.set(id, broker.faults[method](...args))
  },
  fired: ({ id }) => faults.get(id).fired,
  release: ({ id }) => faults.get(id).release(),
  clearFaults: () => {
    broker.faults.clear()
    faults.clear()
  },
  records: ({ topic, partition }) =>
    broker.records(topic, partition).map(({ partition, offset, timestamp, key, value, sequence }) => ({
      partition,
      offset,
      timestamp,
      sequence,
      key: key?.toString(),
      value: value?.toString(),
    })),
  requests: ({ match }) =>
    broker.requests(match).map(({ api, connection, broker: id, faults: done, batches }) => ({
      api,
      connection,
      broker: id,
      faults: done,
      batches,
    })),
}

parentPort.on('message', async ({ question, ask, ...rest }) => {
  try {
    parentPort.postMessage({ question, answer: await answers[ask](rest) })
  } catch (error) {
    parentPort.postMessage({ question, error: String(error) })
  }
})
parentPort.postMessage({ bootstrapServers: broker.bootstrapServers })
