// @ts-check
import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { classPath } from './jars.mjs'
import { isAtLeast, newestKafka } from './versions.mjs'

// These JVMs live for seconds: no second compiler, one collector thread, no verification of classes that come from a release.
const quickStart = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-XX:+UnlockDiagnosticVMOptions',
  '-XX:-BytecodeVerificationRemote',
]

/**
 * The arguments with which `java` runs a class of a Kafka release.
 * @param {string} version
 * @param {string} mainClass
 * @param {string[]} args
 * @param {{ heapMiB?: number, logLevel?: string, classFolders?: string[] }} [options] `classFolders`: classes that are not Kafka's
 */
export async function javaArguments(
  version,
  mainClass,
  args,
  { heapMiB = 384, logLevel = 'WARN', classFolders = [] } = {},
) {
  const logging = isAtLeast(version, '4')
    ? `-Dlog4j2.configurationFile=${new URL('log4j2.properties', import.meta.url)}`
    : `-Dlog4j.configuration=${new URL('log4j.properties', import.meta.url)}`
  return [
    `-Xmx${heapMiB}m`,
    ...quickStart,
    logging,
    `-Dottla.log.level=${logLevel}`,
    '-Dlog4j.shutdownHookEnabled=false', // or a tool could not log what fails while it closes
    '-cp',
    [await classPath(version), ...classFolders].join(delimiter),
    mainClass,
    ...args,
  ]
}

/** Where release 4.3 keeps its tools. They work with all brokers from 2.1 on, so the tests use no others. */
const tools = {
  ClientMetricsCommand: 'org.apache.kafka.tools.ClientMetricsCommand',
  ConfigCommand: 'kafka.admin.ConfigCommand',
  ConsoleConsumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  ConsoleProducer: 'org.apache.kafka.tools.ConsoleProducer',
  DumpLogSegments: 'org.apache.kafka.tools.DumpLogSegments',
  FeatureCommand: 'org.apache.kafka.tools.FeatureCommand',
  GetOffsetShell: 'org.apache.kafka.tools.GetOffsetShell',
  LeaderElectionCommand: 'org.apache.kafka.tools.LeaderElectionCommand',
  ProducerPerformance: 'org.apache.kafka.tools.ProducerPerformance',
  ReassignPartitionsCommand: 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  TopicCommand: 'org.apache.kafka.tools.TopicCommand',
  TransactionsCommand: 'org.apache.kafka.tools.TransactionsCommand',
  VerifiableConsumer: 'org.apache.kafka.tools.VerifiableConsumer',
  VerifiableProducer: 'org.apache.kafka.tools.VerifiableProducer',
}

/** The tools that `runTool` knows by their short names; any other goes by its full class name. */
export const toolNames = Object.keys(tools)

/**
 * Runs one of Kafka's command-line tools and gives what it printed to standard output.
 * @param {string} name
 * @param {string[]} args
 * @param {{ version?: string, timeoutMs?: number, onOutput?: (chunk: Buffer) => void }} [options] with `onOutput`
 *   the output is handed over as it comes, and the result is empty
 * @returns {Promise<Buffer>}
 */
export async function runTool(name, args, { version = newestKafka, timeoutMs = 120_000, onOutput } = {}) {
  const mainClass = name.includes('.') ? name : tools[/** @type {keyof typeof tools} */ (name)]
  if (mainClass === undefined) throw new Error(`unknown tool ${name}; known are ${toolNames.join(', ')}`)
  return runJava(name, await javaArguments(version, mainClass, args), { timeoutMs, onOutput })
}

/**
 * Runs a Java source file of this folder with a Kafka release on its class path.
 * @param {string} sourceFile
 * @param {string[]} [args]
 */
export async function runJavaSource(sourceFile, args = [], version = newestKafka) {
  const path = fileURLToPath(new URL(sourceFile, import.meta.url))
  return runJava(sourceFile, ['-cp', await classPath(version), path, ...args], { timeoutMs: 120_000 })
}

/**
 * Compiles a Java source file of this folder, with a Kafka release on its class path. The compiler is a module that a JRE may lack, and
 * those of Debian have.
 * @param {string} sourceFile
 * @param {string} classFolder
 */
export async function compileJavaSource(sourceFile, classFolder, version = newestKafka) {
  const path = fileURLToPath(new URL(sourceFile, import.meta.url))
  const compiler = ['-m', 'jdk.compiler/com.sun.tools.javac.Main', '-proc:none', '-nowarn']
  await runJava(sourceFile, [...compiler, '-cp', await classPath(version), '-d', classFolder, path], {
    timeoutMs: 120_000,
  })
}

/**
 * @param {string} name
 * @param {string[]} args
 * @param {{ timeoutMs: number, onOutput?: ((chunk: Buffer) => void) | undefined }} options
 * @returns {Promise<Buffer>}
 */
function runJava(name, args, { timeoutMs, onOutput }) {
  return new Promise((resolve, reject) => {
    const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
    /** @type {Buffer[]} */
    const output = []
    let complaints = ''
    child.stdout.on('data', onOutput ?? (chunk => output.push(chunk)))
    child.stderr.on('data', chunk => {
      complaints = (complaints + chunk).slice(-8000)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(output))
      const end = signal
        ? `killed by ${signal}, perhaps since it took longer than ${timeoutMs} ms`
        : `exit code ${code}`
      reject(new Error(`${name}: ${end}\n${Buffer.concat(output).toString().slice(-4000)}${complaints}`))
    })
  })
}
