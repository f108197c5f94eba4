import type { Command } from 'commander'
import { collect } from './collect.ts'

/** The options of every command that is a client of a cluster and sends nothing. */
export function addClientOptions(command: Command): Command {
  return command
    .option('-b, --bootstrap-server <host:port,...>', 'where to find the cluster (default: localhost:9092)')
    .option('-F, --property-file <file>', "client properties in Java's format, as for ottla produce")
    .option('-X, --command-property <name=value>', 'one property; repeatable, wins over the file', collect)
}
