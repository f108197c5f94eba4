import type { Command } from 'commander'
import type { TopicsAction } from '../commands/topics.ts'
import type { TopicsFlags } from '../commands/topics-flags.ts'
import { addClientOptions } from './client-options.ts'
import { collect } from './collect.ts'

const examples = `
Examples:
  ottla topics list
  ottla topics create orders --partitions 6 --replication-factor 3 --config retention.ms=86400000
  ottla topics describe orders
  ottla topics delete orders

Exit code: 0 all done, 1 not all (each that failed is named), 2 wrong command line.`

type Action = (action: TopicsAction, names: string[], flags: TopicsFlags) => Promise<void>

/** The command line of `ottla topics` and of what is below it. */
export function declareTopics(program: Command, action: Action): void {
  const topics = program
    .command('topics')
    .summary('list, create, describe and delete topics')
    .description('Lists, creates, describes and deletes topics.')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', examples)
  addClientOptions(topics.command('list'))
    .description('Prints the names of the topics, one a line.')
    .option('--internal', 'also those that brokers keep for themselves')
    .option('--json', 'one JSON object a line, with id, partitions and replicas')
    .action(async (flags: TopicsFlags) => await action('list', [], flags))
  addClientOptions(topics.command('create'))
    .description('Creates topics, all with the same settings.')
    .argument('[names...]', 'the topics (required)')
    .option('--partitions <number>', "how many partitions (default: the cluster's num.partitions)")
    .option('--replication-factor <number>', "how many replicas of each (default: the cluster's)")
    .option('--config <name=value>', 'one setting, as in retention.ms=86400000; repeatable', collect)
    .option('--if-not-exists', 'one that exists is left as it is, and no failure')
    .action(async (names: string[], flags: TopicsFlags) => await action('create', names, flags))
  addClientOptions(topics.command('describe'))
    .description('Prints partitions, leaders, replicas and offsets, and the settings that are not the defaults.')
    .argument('[names...]', 'the topics; all where none is given')
    .option('--internal', 'of all topics, also those that brokers keep for themselves')
    .option('--json', 'one JSON object a line for each topic')
    .action(async (names: string[], flags: TopicsFlags) => await action('describe', names, flags))
  addClientOptions(topics.command('delete'))
    .description('Deletes topics with their records. It does not ask.')
    .argument('[names...]', 'the topics (required)')
    .option('--if-exists', 'one that does not exist is no failure')
    .option('--force', 'also topics that brokers keep for themselves')
    .action(async (names: string[], flags: TopicsFlags) => await action('delete', names, flags))
}
