import { KafkaError } from '../../base/errors/index.ts'
import type { Producer } from '../../client/producer/types.ts'
import { type MetricsServer, startMetricsServer } from '../../prometheus/index.ts'
import { exitCode, type Io } from '../io.ts'
import type { RunReport } from '../output/run-report.ts'

/** Serves the metrics of a run for as long as it lasts. Resolves to its exit code. */
export async function servingMetrics(
  producer: Producer,
  port: number,
  command: string,
  io: Io,
  report: RunReport,
  run: () => Promise<number>,
): Promise<number> {
  let server: MetricsServer
  try {
    server = await startMetricsServer(producer, { port })
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    io.stderr.write(`${command}: ${error.message}\n--metrics-port 0 takes a free one\n`)
    await producer.close()
    return exitCode.failed
  }
  try {
    report.note(`metrics are at ${server.url} (ottla metrics${port === 9464 ? '' : ` --url ${server.url}`} shows them)`)
    return await run()
  } finally {
    await server.close()
  }
}
