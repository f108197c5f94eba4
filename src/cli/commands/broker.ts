import { isIP } from 'node:net'
import { exitCode, type Io } from '../io.ts'
import { counted } from '../output/quantities.ts'

export interface BrokerFlags {
  port?: string
  host?: string
  brokers?: string
  topic?: string[]
  partitions?: string
  allowRemote?: boolean
  quiet?: boolean
}

/** What the command needs of `ottla/broker`. */
export interface BrokerDoor {
  startBroker(options: { host: string; port: number; brokers: 1 | 3; numPartitions: number }): Promise<{
    readonly bootstrapServers: string
    createTopic(name: string, options: { partitions: number }): unknown
    close(): Promise<void>
  }>
}

interface TopicWish {
  readonly name: string
  readonly partitions: number
}

/** `ottla broker`: the embedded broker until Ctrl-C. Resolves to the exit code. */
export async function broker(flags: BrokerFlags, io: Io, door: BrokerDoor): Promise<number> {
  const problems: string[] = []
  const settings = brokerSettings(flags, problems)
  if (problems.length > 0) {
    for (const problem of problems) io.stderr.write(`ottla broker: ${problem}\n`)
    io.stderr.write('Try: ottla broker --help\n')
    return exitCode.usage
  }
  const { topics, ...options } = settings
  const stopped = signalled(io)
  let running: Awaited<ReturnType<BrokerDoor['startBroker']>>
  try {
    running = await door.startBroker(options)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason =
      code === 'EADDRINUSE' ? `port ${options.port} of ${options.host} is in use; --port 0 takes a free one` : message
    io.stderr.write(`ottla broker: ${reason}\n`)
    return exitCode.failed
  }
  try {
    for (const { name, partitions } of topics) await running.createTopic(name, { partitions })
    if (!flags.quiet) io.stdout.write(introduction(running.bootstrapServers, topics, options.numPartitions))
    // A signal is how it is meant to end, so that this is no failure.
    await stopped
    return exitCode.ok
  } catch (error) {
    io.stderr.write(`ottla broker: ${(error as Error).message}\n`)
    return exitCode.failed
  } finally {
    await running.close()
  }
}

function signalled(io: Io): Promise<void> {
  return new Promise(resolve => {
    const stopListening = io.onSignal(() => {
      stopListening()
      resolve()
    })
  })
}

function brokerSettings(flags: BrokerFlags, problems: string[]) {
  const host = flags.host ?? '127.0.0.1'
  if (!isLoopback(host) && !flags.allowRemote) {
    problems.push(
      `--host ${host} can be reached by other machines, and this broker knows no passwords; --allow-remote says you want that`,
    )
  }
  const port = numberFrom(flags.port ?? '9092', 0, 65_535)
  if (port === undefined) problems.push(`--port is a number from 0 (any free one) to 65535, not "${flags.port}"`)
  const numPartitions = numberFrom(flags.partitions ?? '1', 1, MAX_PARTITIONS)
  if (numPartitions === undefined)
    problems.push(`--partitions is a number from 1 to ${MAX_PARTITIONS}, not "${flags.partitions}"`)
  const brokers = flags.brokers ?? '1'
  if (brokers !== '1' && brokers !== '3') problems.push(`--brokers is 1 or 3, not "${brokers}"`)
  const topics = (flags.topic ?? []).map(text => topicWish(text, numPartitions ?? 1, problems))
  return {
    host,
    port: port ?? 0,
    brokers: brokers === '3' ? (3 as const) : (1 as const),
    numPartitions: numPartitions ?? 1,
    topics,
  }
}

const MAX_PARTITIONS = 1000

function topicWish(text: string, defaultPartitions: number, problems: string[]): TopicWish {
  const colon = text.lastIndexOf(':')
  const name = colon === -1 ? text : text.slice(0, colon)
  const partitions = colon === -1 ? defaultPartitions : numberFrom(text.slice(colon + 1), 1, MAX_PARTITIONS)
  if (name === '' || partitions === undefined) {
    problems.push(`--topic is a name or name:partitions with 1 to ${MAX_PARTITIONS} partitions, not "${text}"`)
  }
  return { name, partitions: partitions ?? 1 }
}

function numberFrom(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function introduction(bootstrapServers: string, topics: readonly TopicWish[], numPartitions: number): string {
  const topic = topics[0]?.name ?? 'my-topic'
  const made = topics.map(({ name, partitions }) => `  ${name} (${counted(partitions, 'partition')})\n`).join('')
  return `Embedded Kafka broker on ${bootstrapServers}, for development and tests: records are in memory only.
${made === '' ? '' : `Topics:\n${made}`}Other topics are made on first use, with ${counted(numPartitions, 'partition')}.

Write:  echo hello | npx ottla produce -b ${bootstrapServers} -t ${topic}
        echo hello | kcat -P -b ${bootstrapServers} -t ${topic}
Read:   kcat -C -b ${bootstrapServers} -t ${topic} -e
Code:   createProducer({ bootstrapServers: '${bootstrapServers}' })

Ctrl-C ends it.
`
}
