import { EventEmitter } from 'node:events'
import type { ProducerEvents } from './types.ts'

/** The events of a producer, with the types of their listeners. What an asynchronous listener rejects with comes back to the producer. */
export class ProducerEmitter extends EventEmitter {
  constructor() {
    super({ captureRejections: true })
  }

  override on<E extends keyof ProducerEvents>(event: E, listener: (...args: ProducerEvents[E]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void)
  }

  override once<E extends keyof ProducerEvents>(event: E, listener: (...args: ProducerEvents[E]) => void): this {
    return super.once(event, listener as (...args: unknown[]) => void)
  }

  override off<E extends keyof ProducerEvents>(event: E, listener: (...args: ProducerEvents[E]) => void): this {
    return super.off(event, listener as (...args: unknown[]) => void)
  }
}
