import { KafkaError } from './errors/index.ts'

/** Says which port it was, and by which option to take another. */
export function cannotListen(error: NodeJS.ErrnoException, host: string, port: number, option: string): KafkaError {
  const what =
    error.code === 'EADDRINUSE'
      ? `port ${port} on ${host} is in use; choose another with the option ${option} (0: any free one)`
      : `cannot listen on ${host}:${port}: ${error.message}`
  return new KafkaError('LISTEN_FAILED', what, { cause: error })
}
