import * as classes from './kafka-error.ts'
import { KafkaError, type Outcome } from './kafka-error.ts'

/** An error as plain data, for the way between threads: a structured clone of an Error loses its class and its fields. */
export interface ErrorData {
  readonly className: string
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly errorCode: number | undefined
  readonly retriable: boolean
  readonly fatal: boolean
  readonly abortable: boolean
  readonly outcome: Outcome | undefined
  readonly cause: ErrorData | undefined
}

const deepest = 8

export function errorToData(error: unknown, depth = 0): ErrorData {
  const own = (error instanceof Error ? error : new Error(String(error))) as Error & Record<string, unknown>
  const known = own instanceof KafkaError ? own : undefined
  return {
    className: own.constructor.name,
    name: own.name,
    message: own.message,
    stack: own.stack,
    code: typeof own.code === 'string' ? own.code : undefined,
    errorCode: typeof own.errorCode === 'number' ? own.errorCode : undefined,
    retriable: known?.retriable ?? false,
    fatal: known?.fatal ?? false,
    abortable: known?.abortable ?? false,
    outcome: known?.outcome,
    cause: own.cause === undefined || depth >= deepest ? undefined : errorToData(own.cause, depth + 1),
  }
}

/** The error again: of the same class, with code, outcome, cause and the stack of the thread where it was made. */
export function errorFromData(data: ErrorData): Error {
  const { className, name, message, stack, code, errorCode, retriable, fatal, abortable, outcome } = data
  const cause = data.cause === undefined ? undefined : errorFromData(data.cause)
  const prototype = (classes as Record<string, unknown>)[className] as { prototype?: unknown } | undefined
  let error: Error & Record<string, unknown>
  if (prototype?.prototype instanceof KafkaError || prototype === KafkaError) {
    error = new KafkaError(code ?? 'UNKNOWN', message, {
      cause,
      retriable,
      fatal,
      abortable,
      ...(outcome && { outcome }),
    }) as never
    Object.setPrototypeOf(error, prototype.prototype as object)
    if (errorCode !== undefined) error.errorCode = errorCode
  } else {
    error = new Error(message, cause === undefined ? undefined : { cause }) as never
    if (code !== undefined) error.code = code
  }
  if (error.name !== name) error.name = name
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return error
}
