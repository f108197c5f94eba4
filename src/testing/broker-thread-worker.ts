// The embedded broker in a worker thread, started by broker-thread.ts, which asks it things.
import { parentPort, workerData } from 'node:worker_threads'
import { errorToData } from '../base/errors/error-data.ts'
import { KafkaError } from '../base/errors/index.ts'
import { invariant } from '../base/invariant.ts'
import { systemClock } from '../base/time/clock.ts'
import { type Broker, type Fault, type KafkaApiName, startBroker } from '../broker/index.ts'
import type { BrokerAnswer, BrokerQuestion, BrokerStarted, BrokerThreadStart } from './broker-thread-messages.ts'

invariant(parentPort !== null, 'this program is the one of a worker thread')
const port = parentPort

type AnyMethod = (...args: readonly unknown[]) => unknown

/** The broker behind a port. */
class ServedBroker {
  readonly #broker: Broker
  readonly #faults = new Map<number, Fault>()

  constructor(broker: Broker) {
    this.#broker = broker
  }

  async answer(id: number, question: BrokerQuestion): Promise<void> {
    let answer: BrokerAnswer
    try {
      answer = { id, result: await this.#resultOf(id, question) }
    } catch (error) {
      answer = { id, error: errorToData(error) }
    }
    port.postMessage(answer)
  }

  #resultOf(id: number, question: BrokerQuestion): unknown {
    const broker = this.#broker
    switch (question.ask) {
      case 'call': {
        const { method, args, afterMs } = question
        const call = () => (broker[method] as AnyMethod).apply(broker, [...args])
        if (afterMs === 0) return call()
        return new Promise(resolve => systemClock.schedule(() => resolve(undefined), afterMs)).then(call)
      }
      case 'topics':
        return broker.topics
      case 'requests':
        return broker.requests(question.api as KafkaApiName | undefined)
      case 'wait-for-request':
        return broker.waitForRequest(question.api as KafkaApiName, question.timeoutMs)
      case 'set-fault':
        this.#faults.set(
          id,
          (broker.faults[question.method] as (...args: readonly unknown[]) => Fault)(...question.args),
        )
        return undefined
      case 'fault':
        return this.#fault(question.fault, question.what)
      case 'clear-faults':
        return broker.faults.clear()
      case 'remaining-faults':
        return broker.faults.remaining
      case 'close':
        return broker.close()
    }
  }

  #fault(id: number, what: (BrokerQuestion & { ask: 'fault' })['what']): unknown {
    const fault = this.#faults.get(id)
    if (fault === undefined) throw new KafkaError('UNKNOWN_FAULT', 'there is no such fault')
    switch (what) {
      case 'fired':
        return fault.fired
      case 'remaining':
        return fault.remaining
      case 'done':
        return fault.done
      case 'release':
        return fault.release()
      case 'remove':
        return fault.remove()
    }
  }
}

let started: BrokerStarted
try {
  const broker = await startBroker((workerData as BrokerThreadStart).options)
  const served = new ServedBroker(broker)
  port.on('message', ({ id, question }: { id: number; question: BrokerQuestion }) => void served.answer(id, question))
  const { bootstrapServers, clusterId, ports } = broker
  started = { bootstrapServers, clusterId, ports }
} catch (error) {
  started = { error: errorToData(error) }
}
port.postMessage(started)
