import type { Command } from 'commander'
import type { MetricsFlags } from '../commands/metrics-flags.ts'

const examples = `
Examples:
  ottla metrics                                      # what startMetricsServer serves on this machine, until Ctrl-C
  ottla metrics --url http://10.0.0.7:9464/metrics --producer checkout
  ottla metrics --interval 10s --json >> metrics.ndjson
  ottla metrics --once

Exit code: 0 after --once or when nobody reads the output any more, 1 where there was nothing to read,
2 wrong command line, 130 after Ctrl-C.`

/** The command line of `ottla metrics`. */
export function declareMetrics(program: Command, action: (flags: MetricsFlags) => Promise<void>): void {
  program
    .command('metrics')
    .summary('watch what a running producer does')
    .description('Shows what a running producer does, read from its /metrics again and again.')
    .option('--url <url>', 'the page of metrics (default: http://127.0.0.1:9464/metrics)')
    .option('--producer <client-id>', 'which producer, where the page has several')
    .option('--interval <time>', 'how often it is read, as in 500ms, 2s or 1m (default: 1s)')
    .option('--once', 'show one interval, and end')
    .option('--json', 'one JSON object a line for each interval')
    .option('-q, --quiet', 'say nothing but errors beside it')
    .addHelpText('after', examples)
    .action(async (flags: MetricsFlags) => await action(flags))
}
