import { seededRandom } from '../../../src/base/random.ts'
import { type Broker, startBroker } from '../../../src/broker/index.ts'
import { ManualClock } from '../../../src/testing/index.ts'
import {
  type ApiName,
  apiByKey,
  apis,
  type Message,
  Reader,
  readResponseHeader,
} from '../../../src/wire/protocol/index.ts'
import { RawConnection } from '../raw-connection.ts'
import { oneOf, upTo } from './choice.ts'
import { type Announced, type Expectation, expectedAnswers, ordinaryMs } from './expected-answers.ts'
import { HonestClient } from './honest-client.ts'
import { hostileRequest } from './hostile-requests.ts'
import type { Learned, Surroundings } from './plausible-values.ts'

const maxRequestBytes = 2 ** 20
/** APIs that go through most of the broker come more often. */
const often: readonly ApiName[] = [
  'produce',
  'produce',
  'produce',
  'fetch',
  'fetch',
  'joinGroup',
  'createTopics',
  'initProducerId',
]
const topics = { orders: { partitions: 3 }, users: { partitions: 1, config: { 'cleanup.policy': 'compact' } } }
/** A request that has an answer to wait for longer than any ordinary one is left waiting; so many of them at a time. */
const mostPatient = 20

interface Frame {
  readonly bytes: Buffer
  readonly mutated: boolean
}

interface Counted {
  mutated: number
  answered: number
  ended: number
  readonly problems: string[]
}

/** A broker whose records are known, hostile requests to it, and what became of them. Time goes on only where an answer waits for it. */
export class HostileLaboratory implements AsyncDisposable {
  readonly broker: Broker
  readonly honest: HonestClient
  readonly #clock: ManualClock
  readonly #announced: Announced
  readonly #messages: readonly Message[]
  readonly #learned: Learned[] = []
  readonly #topicIds: string[] = []
  readonly #patient: RawConnection[] = []

  private constructor(broker: Broker, clock: ManualClock, honest: HonestClient, announced: Announced) {
    this.broker = broker
    this.#clock = clock
    this.honest = honest
    this.#announced = announced
    const all = [...announced.keys()].map(key => apiByKey(key)!.request)
    this.#messages = [...all, ...often.map(name => apis[name].request)]
  }

  static async open(): Promise<HostileLaboratory> {
    const clock = new ManualClock()
    const broker = await startBroker({
      clock,
      seed: 1,
      groupInitialRebalanceDelayMs: 0,
      maxMemoryBytes: 32 * 2 ** 20,
      maxRequestBytes,
    })
    const honest = await HonestClient.open(broker, clock)
    const { apiKeys } = await honest.connection.call(apis.apiVersions, 3, {
      clientSoftwareName: 'honest',
      clientSoftwareVersion: '1',
    })
    return new HostileLaboratory(broker, clock, honest, new Map(apiKeys.map(range => [range.apiKey, range])))
  }

  /** Topics are there at the beginning of each run, whatever the last one has done to them. */
  #makeTopics(): void {
    for (const [name, options] of Object.entries(topics)) {
      if (this.broker.topics.includes(name)) continue
      this.broker.createTopic(name, options)
      this.#topicIds.push(this.broker.topicId(name))
      // Also such as are gone.
      if (this.#topicIds.length > 4) this.#topicIds.shift()
    }
  }

  /** Sends requests from this seed over connections of their own, several at a time on each. */
  async run(seed: number, mutatedRequests: number): Promise<Readonly<Counted>> {
    const random = seededRandom(seed)
    this.#makeTopics()
    const around: Surroundings = { random, topicIds: this.#topicIds, learned: this.#learned }
    const result: Counted = { mutated: 0, answered: 0, ended: 0, problems: [] }
    let connection = await RawConnection.open(this.broker)
    let correlationId = 0
    while (result.mutated < mutatedRequests) {
      const frames: Frame[] = []
      for (let count = 1 + upTo(random, 6); count > 0; count--) {
        const message = oneOf(random, this.#messages)
        const [min] = message.versions
        const { maxVersion } = this.#announced.get(message.key)!
        const mutated = random() < 0.8
        const version = min + upTo(random, maxVersion - min + 1)
        frames.push({ mutated, bytes: hostileRequest(message, version, mutated, ++correlationId, around) })
      }
      const goesOn = await this.#send(connection, frames, result)
      if (!goesOn) connection = await RawConnection.open(this.broker)
      if (result.problems.length > 0) break
    }
    await connection[Symbol.asyncDispose]()
    return result
  }

  /** Whether the connection can be used further. */
  async #send(connection: RawConnection, frames: readonly Frame[], result: Counted): Promise<boolean> {
    const bytes = Buffer.concat(frames.map(frame => frame.bytes))
    const { expected, readTo } = expectedAnswers(bytes, this.#announced, maxRequestBytes)
    const ends = expected.at(-1)?.kind === 'end'
    // A system that closes a connection with something unread resets it, and answers on their way are lost.
    const withRest = !ends || result.ended % 8 === 0
    // What stands behind the end of a connection is not read.
    result.mutated += frames.slice(0, expected.length).filter(({ mutated }) => mutated).length
    connection.socket.write(withRest ? bytes : bytes.subarray(0, readTo))
    let mayEnd = ends && withRest && readTo < bytes.length
    for (const one of expected) {
      if (one.kind === 'silence') mayEnd = true
      else if (one.kind === 'end') {
        if (await this.#within(connection.closed, 0)) result.ended++
        else result.problems.push(`the connection goes on after ${one.why}`)
        await connection[Symbol.asyncDispose]()
        return false
      } else {
        const got = connection.frame().then(
          frame => this.#judge(frame, one),
          () => (mayEnd ? 'ended' : `${nameOf(one)} was answered by the end of the connection`),
        )
        const settled = await this.#within(got, one.mayTakeMs)
        if (settled === 'patient') {
          this.#patient.push(connection)
          if (this.#patient.length > mostPatient) await this.#patient.shift()![Symbol.asyncDispose]()
          return false
        }
        const problem = settled ? await got : `${nameOf(one)} was not answered within its time`
        if (problem !== null) {
          await connection[Symbol.asyncDispose]()
          if (problem !== 'ended') result.problems.push(problem)
          return false
        }
        result.answered++
      }
    }
    // The next frames would be part of one that was cut off.
    const isWhole = expected.at(-1)?.kind === 'answer' && readTo === bytes.length
    if (!isWhole) await connection[Symbol.asyncDispose]()
    return isWhole
  }

  /** What is wrong with an answer, or null. */
  #judge(frame: Buffer, { header, response }: Expectation & { kind: 'answer' }): string | null {
    const { apiKey, apiVersion, correlationId } = header
    const reader = new Reader(frame)
    const got = readResponseHeader(reader, apiKey, apiVersion >= response.flexibleFrom)
    if (got !== correlationId) return `answer to request ${got}, expected one to ${correlationId}`
    const body = response.read(reader, apiVersion)
    if (reader.remaining > 0) return `${response.name} v${apiVersion} has ${reader.remaining} bytes more`
    this.#learn(body as Partial<Learned>)
    return null
  }

  #learn(answer: Partial<Learned>): void {
    const { memberId = '', generationId = 0, producerId = -1n, producerEpoch = 0, sessionId = 0 } = answer
    if (memberId === '' && producerId < 0n && sessionId === 0) return
    const last = this.#learned.at(-1)
    this.#learned.push({
      memberId: memberId || (last?.memberId ?? ''),
      generationId: memberId ? generationId : (last?.generationId ?? 0),
      ...(producerId >= 0n || !last ? { producerId, producerEpoch } : last),
      sessionId: sessionId || (last?.sessionId ?? 0),
    })
    if (this.#learned.length > 8) this.#learned.shift()
  }

  /**
   * Waits for something to happen, and lets the broker's time pass where nothing does. False: it did not happen in an
   * ordinary time; `patient`: nor did it have to.
   */
  async #within(event: Promise<unknown>, mayTakeMs: number): Promise<boolean | 'patient'> {
    let happened = false
    const note = () => {
      happened = true
    }
    void event.then(note, note)
    // What has come already is known after a few microtasks.
    for (let tasks = 0; tasks < 4; tasks++) await null
    if (happened) return true
    let passedMs = 0
    for (let turns = 1; passedMs <= ordinaryMs; turns++) {
      await new Promise(resolve => setImmediate(resolve))
      if (happened) return true
      if (turns < 40 || turns % 10 > 0) continue
      const stepMs = Math.max(100, passedMs)
      this.#clock.advance(stepMs)
      passedMs += stepMs
    }
    // The answer may be on its way through the kernel.
    for (let turns = 0; turns < 1_000; turns++) {
      await new Promise(resolve => setImmediate(resolve))
      if (happened) return true
    }
    return mayTakeMs > ordinaryMs && 'patient'
  }

  /** Lets all time pass that a request can ask for: those that were left waiting are answered now. */
  async answerPatient(): Promise<string[]> {
    const problems: string[] = []
    const answers = this.#patient.map(connection => connection.frame().catch(() => null))
    // One wait may begin when another ends: a rebalance, when a session is over.
    for (let times = 0; times < 3; times++) this.#clock.advance(2 ** 31)
    for (const answer of answers) if (!(await this.#within(answer, 0))) problems.push('a long wait has no end')
    for (const connection of this.#patient.splice(0)) await connection[Symbol.asyncDispose]()
    return problems
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#patient) await connection[Symbol.asyncDispose]()
    await this.honest[Symbol.asyncDispose]()
    await this.broker.close()
  }
}

const nameOf = ({ header, response }: Expectation & { kind: 'answer' }) => `${response.name} v${header.apiVersion}`
