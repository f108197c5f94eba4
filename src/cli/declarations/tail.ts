import { type Command, Option } from 'commander'
import type { TailFlags } from '../commands/tail-flags.ts'
import { addClientOptions } from './client-options.ts'
import { collect } from './collect.ts'

const examples = `
Where to begin (--from): beginning, end, an offset, -N (N before the end of each partition), a time
(2026-01-31T12:00:00Z; without a zone it is local time) or @milliseconds since 1970.

Examples:
  ottla tail orders                                  # what comes from now on, until Ctrl-C
  ottla tail orders --from beginning --no-follow     # all that is there
  ottla tail orders --from -10 --no-follow           # the last ten of each partition
  ottla tail orders --from 2026-01-31T12:00:00Z -n 100 --json
  ottla tail orders --from beginning --no-follow -K : | ottla produce -t copy -K :

Exit code: 0 at the end or when nobody reads the output any more, 1 where it could not go on,
2 wrong command line, 130 after Ctrl-C.`

/** The command line of `ottla tail`. */
export function declareTail(
  program: Command,
  action: (topic: string | undefined, flags: TailFlags) => Promise<void>,
): void {
  const command = program
    .command('tail')
    .summary('show the records of a topic')
    .description('Writes the values of a topic to standard output, one a line, and goes on as they come.')
    .argument('[topic]', 'the topic (required)')
    .option('-o, --from <start>', 'where to begin (default: end)')
    .option('-n, --count <number>', 'stop after this many records, of all partitions together')
    .option('-p, --partition <number>', 'only this partition; repeatable', collect)
    .option('-f, --follow', 'go on as records come (default)')
    .option('--no-follow', 'stop where the partitions end at the start')
    .option('--read-committed', 'nothing of transactions that are open or were aborted')
    .option('--timestamps', 'the time of each record first')
    .option('--offsets', 'partition:offset before each record')
    .option('--headers', 'name=value,... before each record')
    .option('--keys', 'the key before each value')
    .option('-K, --key-delimiter <text>', 'the key, and this between it and the value (default: tab)')
    .option('-D, --delimiter <text>', 'ends a record (default: LF); \\n \\r \\t \\0 \\xNN')
    .option('--value-format <format>', 'text, hex, base64 or json (default: text, the bytes as they are)')
    .option('--key-format <format>', 'the same for keys')
    .option('--json', 'one JSON object a line, with everything of the record')
    .option('-q, --quiet', 'say nothing but errors')
  addClientOptions(command)
    .addOption(new Option('-t, --topic <name>').hideHelp())
    .addHelpText('after', examples)
    .action(async (topic: string | undefined, flags: TailFlags) => await action(topic, flags))
}
