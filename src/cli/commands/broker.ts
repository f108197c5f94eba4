import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { ConfigError, KafkaError } from '../../base/errors/index.ts'
import type { Broker, BrokerOptions, FaultSchedule, KafkaVersion } from '../../broker/index.ts'
import { scheduleProblems } from '../../broker/schedule/fault-schedule.ts'
import { kafkaVersions } from '../../broker/versions.ts'
import { exitCode, type Io } from '../io.ts'
import { counted } from '../output/quantities.ts'
import { problemsOf, usageProblems } from '../usage.ts'

export interface BrokerFlags {
  port?: string
  host?: string
  brokers?: string
  topic?: string[]
  partitions?: string
  advertisedHost?: string
  advertise?: string
  asVersion?: string
  controlPort?: string
  faults?: string
  data?: string
  allowRemote?: boolean
  quiet?: boolean
}

/** What the command needs of `ottla/broker`. */
export interface BrokerDoor {
  startBroker(options: BrokerOptions): Promise<Pick<Broker, 'bootstrapServers' | 'controlUrl' | 'close'>>
}

type Settings = Required<Pick<BrokerOptions, 'host' | 'port' | 'brokers' | 'numPartitions'>> &
  BrokerOptions & { readonly topics: Readonly<Record<string, { readonly partitions: number }>> }

const DEFAULT_PARTITIONS = 3
const MAX_PARTITIONS = 10_000

/** `ottla broker`: the embedded broker until Ctrl-C. Resolves to the exit code. */
export async function broker(flags: BrokerFlags, io: Io, door: BrokerDoor): Promise<number> {
  const problems: string[] = []
  const settings = await brokerSettings(flags, problems)
  if (problems.length > 0) return usageProblems('ottla broker', problems, io)
  const stopped = signalled(io)
  let running: Awaited<ReturnType<BrokerDoor['startBroker']>>
  try {
    running = await door.startBroker(settings)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    if (error instanceof ConfigError) return usageProblems('ottla broker', problemsOf(error), io)
    io.stderr.write(`ottla broker: ${error.message}\n`)
    const flag = /option controlPort/.test(error.message) ? 'control-port' : 'port'
    if (settings.port !== 0 || flag === 'control-port') io.stderr.write(`--${flag} 0 takes a free one\n`)
    return exitCode.failed
  }
  try {
    if (!flags.quiet) io.stdout.write(introduction(running, settings))
    // A signal is how it is meant to end, so that this is no failure.
    await stopped
  } finally {
    await running.close()
  }
  return exitCode.ok
}

function signalled(io: Io): Promise<void> {
  return new Promise(resolve => {
    const stopListening = io.onSignal(() => {
      stopListening()
      resolve()
    })
  })
}

async function brokerSettings(flags: BrokerFlags, problems: string[]): Promise<Settings> {
  const host = flags.host ?? '127.0.0.1'
  if (!isLoopback(host) && !flags.allowRemote) {
    problems.push(
      `--host ${host} can be reached by other machines, and this broker knows no passwords; --allow-remote says you want that`,
    )
  }
  const port = numberFrom(flags.port ?? '9092', 0, 65_535)
  if (port === undefined) problems.push(`--port is a number from 0 (any free one) to 65535, not "${flags.port}"`)
  const numPartitions = numberFrom(flags.partitions ?? String(DEFAULT_PARTITIONS), 1, MAX_PARTITIONS)
  if (numPartitions === undefined)
    problems.push(`--partitions is a number from 1 to ${MAX_PARTITIONS}, not "${flags.partitions}"`)
  const brokers = flags.brokers ?? '1'
  if (brokers !== '1' && brokers !== '3') problems.push(`--brokers is 1 or 3, not "${brokers}"`)
  const topics = Object.fromEntries((flags.topic ?? []).map(text => topicOf(text, numPartitions ?? 1, problems)))
  return {
    host,
    port: port ?? 0,
    brokers: brokers === '3' ? (3 as const) : (1 as const),
    numPartitions: numPartitions ?? 1,
    topics,
    ...(flags.allowRemote && { allowRemote: true }),
    ...advertised(flags, problems),
    ...(flags.asVersion !== undefined && { asVersion: versionOf(flags.asVersion, problems) }),
    ...(flags.controlPort !== undefined && { controlPort: controlPortOf(flags.controlPort, problems) }),
    ...(flags.data !== undefined && { dataDir: flags.data }),
    ...(flags.faults !== undefined && { schedule: await scheduleOf(flags.faults, problems) }),
  }
}

function advertised(flags: BrokerFlags, problems: string[]): Pick<BrokerOptions, 'advertisedHost' | 'advertisedPort'> {
  if (flags.advertise === undefined)
    return flags.advertisedHost === undefined ? {} : { advertisedHost: flags.advertisedHost }
  if (flags.advertisedHost !== undefined)
    problems.push('--advertise and --advertised-host say the same: give one of them')
  const [, bracketed, name, portText] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(flags.advertise) ?? []
  const advertisedHost = bracketed ?? name
  const advertisedPort = numberFrom(portText ?? '', 1, 65_535)
  if (advertisedHost === undefined || advertisedPort === undefined) {
    problems.push(`--advertise is host:port with a port from 1 to 65535, not "${flags.advertise}"`)
    return {}
  }
  return { advertisedHost, advertisedPort }
}

function versionOf(text: string, problems: string[]): KafkaVersion {
  if (!(kafkaVersions as readonly string[]).includes(text))
    problems.push(`--as-version is one of ${kafkaVersions.join(', ')}, not "${text}"`)
  return text as KafkaVersion
}

function controlPortOf(text: string, problems: string[]): number {
  const port = numberFrom(text, 0, 65_535)
  if (port === undefined) problems.push(`--control-port is a number from 0 (any free one) to 65535, not "${text}"`)
  return port ?? 0
}

/** What is wrong in the file is told with all else that is wrong. */
async function scheduleOf(file: string, problems: string[]): Promise<FaultSchedule> {
  let schedule: FaultSchedule
  try {
    schedule = JSON.parse(await readFile(file, 'utf8')) as FaultSchedule
  } catch (error) {
    problems.push(`--faults ${file}: ${(error as Error).message}`)
    return {}
  }
  problems.push(...scheduleProblems(schedule).map(({ message }) => `--faults ${file}: ${message}`))
  return schedule
}

/** `name` or `name:partitions`. */
function topicOf(text: string, defaultPartitions: number, problems: string[]): [string, { partitions: number }] {
  const colon = text.lastIndexOf(':')
  const name = colon === -1 ? text : text.slice(0, colon)
  const partitions = colon === -1 ? defaultPartitions : numberFrom(text.slice(colon + 1), 1, MAX_PARTITIONS)
  if (name === '' || partitions === undefined) {
    problems.push(`--topic is a name or name:partitions with 1 to ${MAX_PARTITIONS} partitions, not "${text}"`)
  }
  return [name, { partitions: partitions ?? 1 }]
}

function numberFrom(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function introduction(
  { bootstrapServers, controlUrl }: Pick<Broker, 'bootstrapServers' | 'controlUrl'>,
  { topics, numPartitions, schedule, dataDir }: Settings,
): string {
  const kept = dataDir === undefined ? 'records are in memory only' : `records are kept in ${dataDir}`
  const topic = Object.keys(topics)[0] ?? 'my-topic'
  const made = Object.entries(topics).map(
    ([name, { partitions }]) => `  ${name} (${counted(partitions, 'partition')})\n`,
  )
  return `Embedded Kafka broker on ${bootstrapServers}, for development and tests: ${kept}.
It replicates nothing and knows no access rights: it does not take the place of Kafka.
${schedule ? 'Faults are set: requests will fail as the schedule says.\n' : ''}${made.length === 0 ? '' : `Topics:\n${made.join('')}`}Other topics are made on first use, with ${counted(numPartitions, 'partition')}.

Write:  echo hello | npx ottla produce -b ${bootstrapServers} -t ${topic}
        echo hello | kcat -P -b ${bootstrapServers} -t ${topic}
Read:   kcat -C -b ${bootstrapServers} -t ${topic} -e
Code:   createProducer({ bootstrapServers: '${bootstrapServers}' })
${controlUrl === null ? '' : `Control: curl ${controlUrl}/status\n`}
Ctrl-C ends it.
`
}
