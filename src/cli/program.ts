import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { BrokerDoor, BrokerFlags } from './commands/broker.ts'
import type { ProducerDoor } from './commands/produce.ts'
import type { ProduceFlags } from './commands/produce-flags.ts'
import { collect } from './declarations/collect.ts'
import { declareMetrics } from './declarations/metrics.ts'
import { declareTail } from './declarations/tail.ts'
import { declareTopics } from './declarations/topics.ts'
import { exitCode, type Io } from './io.ts'

/** The libraries behind the commands, loaded only when one runs. */
export interface Doors {
  producer(): Promise<ProducerDoor>
  broker(): Promise<BrokerDoor>
}

/** Runs one command line (without node and script). Resolves to the exit code; what is unexpected is thrown. */
export async function runCli(args: readonly string[], io: Io, doors: Doors, version: string): Promise<number> {
  let code: number = exitCode.ok
  const program = programOf(io, version)
  addProduce(program, async (files, flags) => {
    const { produce } = await import('./commands/produce.ts')
    code = await produce(flags, files, io, await doors.producer())
  })
  addBroker(program, async flags => {
    const { broker } = await import('./commands/broker.ts')
    code = await broker(flags, io, await doors.broker())
  })
  declareTopics(program, async (action, names, flags) => {
    const { topics } = await import('./commands/topics.ts')
    code = await topics(action, names, flags, io, (await doors.producer()).fromProperties)
  })
  declareTail(program, async (topic, flags) => {
    const { tail } = await import('./commands/tail.ts')
    code = await tail(flags, topic, io, (await doors.producer()).fromProperties)
  })
  declareMetrics(program, async flags => {
    const { metrics } = await import('./commands/metrics.ts')
    code = await metrics(flags, io)
  })
  if (args.length === 0) {
    program.outputHelp({ error: true })
    return exitCode.usage
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Asked for help or the version: 0. Everything else that commander ends with is a wrong command line.
    return error.exitCode === 0 ? exitCode.ok : exitCode.usage
  }
  return code
}

function programOf(io: Io, version: string): Command {
  return new Command('ottla')
    .description('A Kafka producer, a Kafka broker to try it on, and a look at what is there.')
    .version(`ottla ${version}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureOutput({
      writeOut: text => io.stdout.write(text),
      writeErr: text => io.stderr.write(text),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('Try: ottla --help')
    .exitOverride()
}

function collectHeader(value: string, previous: string[] | undefined): string[] {
  if (value.startsWith('=')) throw new InvalidArgumentError('It is name=value.')
  return collect(value, previous)
}

const produceExamples = `
Input: one record per line of standard input, or of the files in turn (- is standard input).
Bytes are sent as they are. A line's end is LF or CR LF, unless -D says otherwise.

Examples:
  echo hello | ottla produce -t greetings
  ottla produce -b kafka:9092 -t orders -K : orders.txt           # user-42:{"id":1}
  ottla produce -t orders -H source=import -z zstd *.ndjson
  ottla produce -t users -K '\\t' -Z deletions.txt                 # a key and nothing: a tombstone
  ottla produce -t t --reader-property parse.key=true --reader-property key.separator=: < records.txt
  ottla produce -t orders --transactional-id import --records-per-transaction 1000 orders.txt
  ottla produce -t t --property-file client.properties -X linger.ms=20 --json < records.txt

Exit code: 0 all acknowledged, 1 not all (each of the first 10 is named), 2 wrong command line,
130 after Ctrl-C (the first waits for what was sent, or aborts the open transaction; the second does not wait).`

function addProduce(program: Command, action: (files: string[], flags: ProduceFlags) => Promise<void>): void {
  program
    .command('produce')
    .summary('send the lines of files or standard input to a topic')
    .description('Sends records to a topic, and says of each whether it was acknowledged.')
    .argument('[files...]', 'what to send; standard input where none is given')
    .option('-t, --topic <name>', 'the topic (required)')
    .option('-b, --bootstrap-server <host:port,...>', 'where to find the cluster (default: localhost:9092)')
    .option('-K, --key-delimiter <text>', 'splits a line into key and value, at its first place')
    .option('-k, --key <text>', 'the key of records that have none of their own')
    .addOption(
      new Option('-H, --header <name=value>', 'a header for every record; repeatable').argParser(collectHeader),
    )
    .option('-D, --delimiter <text>', 'ends a record (default: LF or CR LF); \\n \\r \\t \\0 \\xNN')
    .option('-Z, --empty-is-null', 'an empty value or key is null: a tombstone')
    .option('--whole-file', 'each file is one record')
    .option('-p, --partition <number>', 'the partition of every record; -1: a random one each')
    .option('-c, --count <number>', 'stop after this many records')
    .option('-z, --compression-type <codec>', 'none, gzip, snappy, lz4 or zstd')
    .option('--acks <acks>', 'all (default), 1: the leader alone, 0: nobody answers')
    .option('--sync', 'block on each record until it is acknowledged')
    .option('--transactional-id <id>', 'send in transactions: all of the input in one, unless told otherwise')
    .option('--records-per-transaction <number>', 'commit after so many records, and the rest at the end of the input')
    .option('-F, --property-file <file>', "producer properties in Java's format: linger.ms=20")
    .option('-X, --command-property <name=value>', 'one producer property; repeatable, wins over the file', collect)
    .option(
      '--reader-property <name=value>',
      'as kafka-console-producer: parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, ' +
        'headers.key.separator, null.marker, ignore.error; repeatable',
      collect,
    )
    .option('--metrics-port <port>', 'serve Prometheus metrics on this port of this machine meanwhile; 0: any free one')
    .option('--progress', 'draw the progress line (default: on a terminal)')
    .option('--no-progress', 'do not')
    .option('-q, --quiet', 'say nothing but errors')
    .option('--log-level <level>', 'say what the producer does: error, warn, info, or debug with each request')
    .option('--json', 'print the summary as JSON on standard output')
    // Habits of kcat and kafka-console-producer that need no explaining of their own.
    .addOption(new Option('-l, --lines', 'files are read line by line, as they are anyway').hideHelp())
    .addOption(new Option('-P, --producer').hideHelp())
    .addOption(new Option('--compression-codec [codec]').hideHelp())
    .addOption(new Option('--request-required-acks <acks>').hideHelp())
    .addOption(new Option('--command-config <file>').hideHelp())
    .addHelpText('after', produceExamples)
    .action(async (files: string[], flags: ProduceFlags & { requestRequiredAcks?: string; commandConfig?: string }) => {
      const { requestRequiredAcks, commandConfig, ...rest } = flags
      await action(files, {
        ...(requestRequiredAcks !== undefined && { acks: requestRequiredAcks }),
        ...(commandConfig !== undefined && { propertyFile: commandConfig }),
        ...rest,
      })
    })
}

const brokerExamples = `
It speaks Kafka's protocol to clients of any language. It keeps records in memory or in a folder, and replicates nothing:
for development and tests. Ctrl-C ends it.

Examples:
  ottla broker
  ottla broker --port 0 --topic orders:6 --topic audit
  ottla broker --brokers 3 --faults faults.json --control-port 9080`

function addBroker(program: Command, action: (flags: BrokerFlags) => Promise<void>): void {
  program
    .command('broker')
    .summary('start an embedded Kafka broker on this machine')
    .description('Starts the embedded broker, until Ctrl-C.')
    .option('--port <number>', 'the port; 0: any free one (default: 9092)')
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .option('--advertised-host <name>', 'the host that clients are told (default: the same)')
    .option('--advertise <host:port>', 'host and port that clients are told, with 3 brokers the ports follow')
    .option('--allow-remote', 'allow a --host that other machines can reach')
    .option('--brokers <number>', '1 or 3 of them, on ports of their own (default: 1)')
    .option('--as-version <release>', 'the Kafka to look like: 2.1, 2.8, 3.9 or 4.3 (default: 4.3)')
    .option('--data <folder>', "keep records in this folder, as Kafka's own segment files (default: in memory only)")
    .option('--faults <file>', 'faults and events to begin with, as JSON')
    .option(
      '--control-port <number>',
      'take faults and cluster actions over HTTP, on this machine alone; 0: any free port',
    )
    .option('-t, --topic <name:partitions>', 'a topic to make; repeatable', collect)
    .option('--partitions <number>', 'partitions of topics that do not say, or are made on first use (default: 3)')
    .option('-q, --quiet', 'do not print how to connect')
    .addHelpText('after', brokerExamples)
    .action(async (flags: BrokerFlags) => await action(flags))
}
