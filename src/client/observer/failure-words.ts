import type { KafkaError } from '../../base/errors/index.ts'

/** What a line says of a record that failed. */
export interface FailureWords {
  /** Empty where the record names none that could be one. */
  readonly topic: string
  readonly outcome: 'not-written' | 'unknown'
  readonly reason: string
}

/** A record that was refused may name anything as its topic, be it its value by mistake: neither is shown then. */
export function failureWords(topic: string, { code, message, outcome = 'not-written' }: KafkaError): FailureWords {
  const words = outcome === 'unknown' ? 'unknown whether written' : 'not written'
  const isTopic = /^[\w.-]{1,249}$/.test(topic)
  return { topic: isTopic ? topic : '', outcome, reason: `${words}: ${isTopic ? message : code}` }
}
