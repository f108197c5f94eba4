import { ConfigError, type OptionProblem } from '../../base/errors/index.ts'
import type { KafkaApiName } from '../api-names.ts'
import type { Broker } from '../broker.ts'
import type { Fault } from '../fault-rules.ts'
import type { TopicOptions } from '../options.ts'
import { type ClusterAction, clusterActionShape, runClusterAction } from '../schedule/cluster-actions.ts'
import { apiName, type DeclaredFault, faultShape, ruleOf } from '../schedule/fault-json.ts'
import type { FaultSchedule } from '../schedule/fault-schedule.ts'
import { isObject, objectOf, type Shape, text, whole } from '../schedule/shape.ts'

/** What the control port refuses. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly status: number
  readonly paths: readonly string[] | undefined

  constructor(status: number, message: string, paths?: readonly string[]) {
    super(message)
    this.status = status
    this.paths = paths
  }
}

interface Asked {
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly body: unknown
}

interface Route {
  readonly method: string
  /** Parts in angle brackets stand for anything. */
  readonly path: string
  readonly handle: (asked: Asked) => unknown
}

/** Faults that were set here and not taken back; each keeps a rule in memory. */
const maxFaults = 10_000
const longestWaitMs = 600_000

/** What each path of the control port does. */
export class ControlRoutes {
  readonly #broker: Broker
  readonly #faults = new Map<number, Fault>()
  readonly #routes: readonly Route[]
  #lastId = 0

  constructor(broker: Broker) {
    this.#broker = broker
    const route = (method: string, path: string, handle: Route['handle']): Route => ({ method, path, handle })
    this.#routes = [
      route('GET', '/status', () => this.#status()),
      route('GET', '/requests', asked => this.#requests(asked)),
      route('GET', '/wait', asked => this.#wait(asked)),
      route('GET', '/records/<topic>', asked => this.#records(asked)),
      route('GET', '/records/<topic>/<partition>', asked => this.#records(asked)),
      route('GET', '/partitions/<topic>', ({ path }) => this.#partitions(path[1]!)),
      route('POST', '/topics', ({ body }) => this.#createTopic(body)),
      route('GET', '/faults', () => [...this.#faults].map(([id, fault]) => shownFault(id, fault))),
      route('POST', '/faults', ({ body }) => this.#addFault(body)),
      route('POST', '/faults/<id>/release', ({ path }) => this.#fault(path[1]!).release()),
      route('DELETE', '/faults', () => this.#clearFaults()),
      route('DELETE', '/faults/<id>', ({ path }) => this.#removeFault(path[1]!)),
      route('POST', '/schedule', ({ body }) => this.#load(body)),
      route('POST', '/actions', ({ body }) => this.#act(body)),
    ]
  }

  /** Gives the answer's body. Throws ControlError, and what the broker throws. */
  async handle(method: string, { pathname, searchParams: query }: URL, body: unknown): Promise<unknown> {
    const path = pathname
      .split('/')
      .filter(part => part !== '')
      .map(decoded)
    const here = this.#routes.filter(route => fits(route.path, path))
    const route = here.find(candidate => candidate.method === method)
    if (route) return await route.handle({ path, query, body })
    const paths = this.#routes.map(known => `${known.method} ${known.path}`)
    if (here.length === 0) throw new ControlError(404, `there is nothing at ${pathname}`, paths)
    throw new ControlError(405, `${pathname} takes ${here.map(known => known.method).join(' and ')}`, paths)
  }

  #status() {
    const { bootstrapServers, clusterId, ports, topics } = this.#broker
    const brokers = [...ports].map(([id, port]) => ({ id, port, connections: this.#broker.connections(id) }))
    return { bootstrapServers, clusterId, brokers, topics, requests: this.#broker.requestCount() }
  }

  #requests({ query }: Asked) {
    const api = apiOf(query)
    return this.#broker.requests(api).slice(-numberOf(query, 'limit', 1, 100_000, 100))
  }

  async #wait({ query }: Asked) {
    const api = apiOf(query)
    const timeoutMs = numberOf(query, 'timeoutMs', 1, longestWaitMs, 10_000)
    try {
      return await this.#broker.waitForRequest(api ?? (() => true), timeoutMs)
    } catch (error) {
      throw new ControlError(408, (error as Error).message)
    }
  }

  #records({ path, query }: Asked) {
    const [, topic = '', partition] = path
    if (partition !== undefined) this.#broker.partition(topic, indexOf(partition))
    const records = this.#broker.records(topic, partition === undefined ? undefined : indexOf(partition))
    return records.slice(0, numberOf(query, 'limit', 1, 1_000_000, 10_000))
  }

  #partitions(topic: string) {
    return Array.from({ length: this.#broker.partitionCount(topic) }, (_, partition) => ({
      partition,
      ...this.#broker.partition(topic, partition),
    }))
  }

  #createTopic(body: unknown) {
    check(topicShape, body)
    const { name, ...options } = body as { name: string } & TopicOptions
    this.#broker.createTopic(name, options)
    return { name, topicId: this.#broker.topicId(name) }
  }

  #addFault(body: unknown) {
    check(faultShape, body)
    if (this.#faults.size >= maxFaults)
      throw new ControlError(409, `${maxFaults} faults are here already; DELETE /faults takes them back`)
    const id = ++this.#lastId
    const fault = this.#broker.faults.add(ruleOf(body as DeclaredFault))
    this.#faults.set(id, fault)
    return shownFault(id, fault)
  }

  #clearFaults(): void {
    this.#broker.faults.clear()
    this.#faults.clear()
  }

  #removeFault(id: string): void {
    this.#fault(id).remove()
    this.#faults.delete(Number(id))
  }

  #fault(id: string): Fault {
    const fault = this.#faults.get(Number(id))
    if (!fault) throw new ControlError(404, `there is no fault ${id}`)
    return fault
  }

  #load(body: unknown) {
    const { faults, pendingEvents } = this.#broker.faults.load(body as FaultSchedule)
    const ids = faults.map(fault => {
      this.#faults.set(++this.#lastId, fault)
      return this.#lastId
    })
    return { faults: ids, pendingEvents }
  }

  async #act(body: unknown): Promise<void> {
    check(clusterActionShape, body)
    await runClusterAction(this.#broker, body as ClusterAction)
  }
}

const topicShape = objectOf(
  {
    name: text,
    partitions: whole(1),
    replicationFactor: whole(1),
    config: (value, path, problems) => {
      if (!isObject(value)) problems.push({ option: path, message: `${path}: is not an object` })
    },
  },
  ['name'],
)

function check(shape: Shape, body: unknown): void {
  const problems: OptionProblem[] = []
  shape(body, '', problems)
  if (problems.length > 0) throw new ConfigError(problems)
}

function shownFault(id: number, { rule, fired, remaining }: Fault) {
  return { id, rule, fired, remaining }
}

function fits(pattern: string, path: readonly string[]): boolean {
  const parts = pattern.split('/').slice(1)
  return parts.length === path.length && parts.every((part, index) => part.startsWith('<') || part === path[index])
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new ControlError(400, `${part} is no path: it has a percent sign that stands for nothing`)
  }
}

function apiOf(query: URLSearchParams): KafkaApiName | undefined {
  const api = query.get('api')
  if (api === null) return undefined
  check((value, _, problems) => apiName(value, 'api', problems), api)
  return api as KafkaApiName
}

function indexOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new ControlError(400, `${text} is no partition`)
  return Number(text)
}

function numberOf(query: URLSearchParams, name: string, min: number, max: number, standard: number): number {
  const given = query.get(name)
  if (given === null) return standard
  const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN
  if (!(value >= min && value <= max)) throw new ControlError(400, `${name} is a whole number from ${min} to ${max}`)
  return value
}
