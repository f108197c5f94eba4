import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { answerApiVersions, ScriptedBroker, type ScriptedRequest } from '../../../test/network/scripted-broker.ts'
import { errorNumber, type KafkaError } from '../../base/errors/index.ts'
import { type Clock, systemClock } from '../../base/time/clock.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { apis, type Draft } from '../../wire/protocol/index.ts'
import { Cluster, type ClusterOptions, type TopicMetadata } from './index.ts'

type MetadataDraft = Draft<(typeof apis.metadata)['response']>
type TopicDraft = MetadataDraft['topics'][number]

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const start = async (script?: ScriptedBroker['script']) => {
  const broker = await ScriptedBroker.start(script)
  closers.push(() => broker.close())
  return broker
}

const idA = `${'A'.repeat(21)}Q`
const partitions = (rows: [leader: number, epoch: number][]) =>
  rows.map(([leaderId, leaderEpoch], partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId,
    leaderEpoch,
    replicaNodes: [leaderId],
    isrNodes: [leaderId],
  }))
const topicDraft = (name: string, rows: [number, number][], errorCode = 0): TopicDraft => ({
  errorCode,
  name,
  topicId: idA,
  partitions: partitions(rows),
})
/** Brokers by id, from 1. */
const nodes = (...brokers: { port: number }[]) =>
  brokers.map(({ port }, index) => ({ nodeId: index + 1, host: '127.0.0.1', port }))

/** Answers Metadata with these brokers, and says of each topic asked for what `describe` makes of it. */
const metadata =
  (brokers: () => { port: number }[], describe: (name: string) => TopicDraft = name => topicDraft(name, [[1, 0]])) =>
  (request: ScriptedRequest): boolean | undefined => {
    if (!request.is(apis.metadata)) return undefined
    const topics = (request.values(apis.metadata).topics ?? []).map(topic => describe(topic.name!))
    request.answer(apis.metadata, { brokers: nodes(...brokers()), topics })
    return true
  }

interface Told {
  cluster: Cluster
  topics: TopicMetadata[]
  ready: number[]
  errors: KafkaError[]
  /** Resolves when the condition holds; it is looked at whenever the cluster tells something. */
  until(condition: () => unknown): Promise<void>
}

function create(
  bootstrap: { port: number }[],
  options: Partial<ClusterOptions> = {},
  clock: Clock = systemClock,
): Told {
  let watchers: (() => void)[] = []
  const tell = () => {
    const told = watchers
    watchers = []
    for (const watcher of told) watcher()
  }
  const told: Omit<Told, 'cluster'> = {
    topics: [],
    ready: [],
    errors: [],
    async until(condition) {
      while (!condition())
        await new Promise<void>(resolve => {
          watchers.push(resolve)
        })
    },
  }
  const cluster = new Cluster({
    bootstrapServers: bootstrap.map(({ port }) => ({ host: '127.0.0.1', port })),
    clientId: 'test',
    clock,
    random: () => 0.5,
    requestTimeoutMs: 5000,
    retryBackoffMs: 10,
    retryBackoffMaxMs: 50,
    reconnectBackoffMs: 10,
    reconnectBackoffMaxMs: 50,
    socketConnectionSetupTimeoutMs: 3000,
    socketConnectionSetupTimeoutMaxMs: 5000,
    connectionsMaxIdleMs: 540_000,
    metadataMaxAgeMs: 300_000,
    metadataMaxIdleMs: 300_000,
    metadataRecoveryStrategy: 'rebootstrap',
    metadataRecoveryRebootstrapTriggerMs: 300_000,
    onTopic: topic => {
      told.topics.push(topic)
      tell()
    },
    onBrokerReady: id => {
      told.ready.push(id)
      tell()
    },
    onError: error => {
      told.errors.push(error)
      tell()
    },
    ...options,
  })
  closers.push(() => cluster.close())
  return Object.assign(told, { cluster })
}

const failure = (work: Promise<unknown>): Promise<KafkaError> =>
  work.then(
    () => expect.fail('it succeeded'),
    error => error,
  )

/** The open connection for records to a broker. */
async function connected({ cluster, until }: Told, brokerId: number) {
  await until(() => cluster.connectionTo(brokerId))
  return cluster.connectionTo(brokerId)!
}

describe('connecting', () => {
  it('learns the cluster from the first bootstrap server that answers', async () => {
    const dead = await start()
    await dead.close()
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const { cluster } = create([dead, broker])

    await cluster.connect()

    expect(broker.count(apis.metadata)).toBe(1)
  })

  it('rejects when every address has failed once, naming each', async () => {
    const dead = [await start(), await start()]
    for (const broker of dead) await broker.close()
    const { cluster } = create(dead)

    const error = await failure(cluster.connect())

    expect(error.code).toBe('CONNECT_FAILED')
    for (const { port } of dead) expect(error.message).toContain(`:${port}`)
  })

  it('tries the next address beside one that keeps silent', async () => {
    const silent = await start(() => true)
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const clock = new ManualClock()
    // Chance puts the silent one first.
    const { cluster } = create([silent, broker], { random: () => 0.99 }, clock)
    const connecting = cluster.connect()
    await silent.until(() => silent.requests.length === 1)
    clock.advance(1000)

    await connecting

    await silent.until(() => silent.sockets.size === 0)
  })

  it('ends when the caller no longer wants it', async () => {
    const silent = await start(() => true)
    const { cluster } = create([silent])
    const abort = new AbortController()
    const connecting = failure(cluster.connect(abort.signal))
    await silent.until(() => silent.requests.length === 1)
    abort.abort()

    expect((await connecting).code).toBe('ABORTED')
  })
})

describe('wanted topics', () => {
  it('of one turn go into one request, and are told when they are known', async () => {
    const broker: ScriptedBroker = await start(metadata(() => [broker], name => topicDraft(name, [[1, 7], [1, 8]]))) // biome-ignore format: short
    const told = create([broker])
    for (const name of ['a', 'b', 'c']) told.cluster.want(name)

    await told.until(() => told.topics.length === 3)

    expect(broker.count(apis.metadata)).toBe(1)
    expect(told.topics.map(topic => topic.name)).toEqual(['a', 'b', 'c'])
    expect(told.cluster.topic('b')).toMatchObject({ id: idA, partitions: [{ leaderEpoch: 7 }, { leaderEpoch: 8 }] })
    expect(told.cluster.topicIdOf('a')).toBe(idA)
  })

  it('later ones are asked for alone', async () => {
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const told = create([broker])
    told.cluster.want('a')
    await told.until(() => told.cluster.topic('a'))
    told.cluster.want('b')
    told.cluster.want('a')
    await told.until(() => told.cluster.topic('b'))

    const asked = broker.requests.filter(request => request.is(apis.metadata))
    expect(asked.map(request => request.values(apis.metadata).topics?.map(topic => topic.name))).toEqual([['a'], ['b']])
    expect(asked[0]!.values(apis.metadata).allowAutoTopicCreation).toBe(true)
  })

  it('that do not exist yet are asked for again until they do', async () => {
    let asked = 0
    const unknown = errorNumber('UNKNOWN_TOPIC_OR_PARTITION')
    const describe = (name: string) => (++asked < 3 ? topicDraft(name, [], unknown) : topicDraft(name, [[1, 0]]))
    const broker: ScriptedBroker = await start(metadata(() => [broker], describe))
    const { cluster } = create([broker])

    const topic = await cluster.waitForTopic('a', 5000)

    expect(topic.error).toBeUndefined()
    expect(asked).toBe(3)
    expect(cluster.lastErrorOf('a')).toBeUndefined()
  })

  it('that are refused are told with the reason, and not asked for in a loop', async () => {
    const refused = errorNumber('TOPIC_AUTHORIZATION_FAILED')
    const broker: ScriptedBroker = await start(
      metadata(
        () => [broker],
        name => topicDraft(name, [], refused),
      ),
    )
    const clock = new ManualClock()
    const told = create([broker], {}, clock)

    const error = await failure(told.cluster.waitForTopic('a', 5000))
    await turn()
    clock.advance(10_000)
    await broker.until(() => true)

    expect(error.code).toBe('TOPIC_AUTHORIZATION_FAILED')
    expect(broker.count(apis.metadata)).toBe(1)
    expect(told.cluster.lastErrorOf('a')?.code).toBe('TOPIC_AUTHORIZATION_FAILED')
    // Who wants it once more asks once more, after the back-off.
    told.cluster.want('a')
    clock.advance(0)
    await broker.until(() => broker.count(apis.metadata) === 2)
  })

  it('that nobody wanted for long are dropped', async () => {
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const clock = new ManualClock()
    const told = create([broker], { metadataMaxIdleMs: 5000 }, clock)
    told.cluster.want('a')
    told.cluster.want('b')
    await told.until(() => told.cluster.topic('b'))
    await turn()
    clock.advance(4000)
    told.cluster.want('b')
    clock.advance(4000)
    told.cluster.refresh('test')
    await broker.until(() => broker.count(apis.metadata) === 2)

    expect(told.cluster.topic('a')).toBeUndefined()
    expect(told.cluster.topic('b')).toBeDefined()
  })

  it('are waited for no longer than said; the error carries the last reason', async () => {
    const unknown = errorNumber('UNKNOWN_TOPIC_OR_PARTITION')
    const broker: ScriptedBroker = await start(
      metadata(
        () => [broker],
        name => topicDraft(name, [], unknown),
      ),
    )
    const { cluster } = create([broker])

    const error = await failure(cluster.waitForTopic('a', 100))

    expect(error.code).toBe('METADATA_TIMEOUT')
    expect(error.cause).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })
})

describe('hostile and failing metadata', () => {
  it('without brokers counts as a failed attempt', async () => {
    let asked = 0
    const broker: ScriptedBroker = await start(metadata(() => (++asked < 3 ? [] : [broker])))
    const told = create([broker])

    await told.cluster.waitForTopic('a', 5000)

    expect(asked).toBe(3)
    expect(told.errors.map(error => error.code)).toEqual(['BAD_RESPONSE', 'BAD_RESPONSE'])
  })

  it('about topics that nobody asked for is not kept', async () => {
    const broker: ScriptedBroker = await start(request => {
      if (!request.is(apis.metadata)) return undefined
      const topics = Array.from({ length: 1000 }, (_, index) => topicDraft(`other-${index}`, [[1, 0]]))
      request.answer(apis.metadata, { brokers: nodes(broker), topics: [...topics, topicDraft('a', [[1, 0]])] })
      return true
    })
    const told = create([broker])
    await told.cluster.waitForTopic('a', 5000)

    expect(told.topics.map(topic => topic.name)).toEqual(['a'])
    expect(told.cluster.topic('other-1')).toBeUndefined()
  })

  it.each([0, 1, 4, 7, 8, 9, 11, 12, 13])('is understood in v%i', async version => {
    const broker: ScriptedBroker = await start(request => {
      if (!request.is(apis.apiVersions)) return metadata(() => [broker])(request)
      answerApiVersions(request, [[3, 0, version]])
      return true
    })
    const topic = await create([broker]).cluster.waitForTopic('a', 5000)

    expect(topic.partitions).toHaveLength(1)
    expect(broker.requests.find(request => request.is(apis.metadata))!.header.apiVersion).toBe(version)
  })

  it('is asked for at a bounded rate when the whole cluster is refusing connections', async () => {
    const broker = await start()
    await broker.close()
    const clock = new ManualClock()
    let lookups = 0
    const lookup = async () => {
      lookups++
      return [{ address: '127.0.0.1' }]
    }
    const backoffs = {
      retryBackoffMs: 100,
      retryBackoffMaxMs: 1000,
      reconnectBackoffMs: 50,
      reconnectBackoffMaxMs: 1000,
    }
    const told = create([broker], { lookup, ...backoffs }, clock)
    told.cluster.want('a')

    for (let ms = 0; ms < 60_000; ms += 100) {
      clock.advance(100)
      for (let turns = 0; turns < 3; turns++) await turn()
    }

    // Growing pauses of up to a second; each attempt is one look-up.
    expect(lookups).toBeGreaterThan(20)
    expect(lookups).toBeLessThan(75)
    expect(told.errors.length).toBeLessThanOrEqual(lookups)
  })
})

describe('connections for records', () => {
  it('are apart from the one for questions', async () => {
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const told = create([broker])
    await told.cluster.waitForTopic('a', 5000)

    expect(told.cluster.connectionTo(1)).toBeUndefined()
    const connection = await connected(told, 1)

    expect(told.ready).toEqual([1])
    expect(connection.isOpen).toBe(true)
    expect(broker.connections).toBe(2)
  })

  it('that the broker closes while idle are made again on the next use, without an error, hundreds of times', async () => {
    const broker: ScriptedBroker = await start(request => {
      if (!request.is(apis.initProducerId)) return metadata(() => [broker])(request)
      request.answer(apis.initProducerId, { errorCode: 0, producerId: 1n, producerEpoch: 0 })
      return true
    })
    const told = create([broker])
    await told.cluster.waitForTopic('a', 5000)
    for (let cycle = 0; cycle < 300; cycle++) {
      const connection = await connected(told, 1)
      await connection.request(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 1 })
      broker.hangUp()
      await connection.gone
    }

    expect(told.errors).toEqual([])
    expect(told.ready).toHaveLength(300)
  })

  it('are closed when unused for long, and leave nothing running', async () => {
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const clock = new ManualClock()
    const told = create([broker], { connectionsMaxIdleMs: 20_000 }, clock)
    await told.cluster.waitForTopic('a', 5000)
    await connected(told, 1)
    clock.advance(25_000)
    await broker.until(() => broker.sockets.size === 0)

    expect(told.errors).toEqual([])
    expect((await connected(told, 1)).isOpen).toBe(true)
  })

  it('to a broker that is not known yet: who asked is told once it is, though no topic has changed', async () => {
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const told = create([broker])

    expect(told.cluster.connectionTo(1)).toBeUndefined()
    await told.until(() => told.ready.length > 0)

    expect(told.ready).toEqual([1])
    expect((await connected(told, 1)).remote).toContain(String(broker.port))
  })

  it('back off from a broker that is down, and are tried only while somebody asks', async () => {
    const leader = await start()
    await leader.close()
    const broker: ScriptedBroker = await start(metadata(() => [leader, broker]))
    const told = create([broker])
    await told.cluster.waitForTopic('a', 5000)

    told.cluster.connectionTo(1)
    await told.until(() => told.ready.length === 1)

    expect(told.cluster.connectionTo(2)).toBeUndefined()
    expect(told.cluster.availability(1).lastError?.code).toBe('CONNECT_FAILED')
    expect(told.errors).toHaveLength(1)
    leader.script = metadata(() => [leader, broker])
    await leader.listen(leader.port)
    expect((await connected(told, 1)).isOpen).toBe(true)
    expect(told.cluster.availability(1).lastError).toBeUndefined()
  })

  it('pause longer and longer before a broker that hangs up on every new connection', async () => {
    const clock = new ManualClock()
    const leader = await start()
    const broker: ScriptedBroker = await start(metadata(() => [leader, broker]))
    const told = create([broker], { reconnectBackoffMs: 100, reconnectBackoffMaxMs: 1000 }, clock)
    await told.cluster.waitForTopic('a', 5000)
    for (let ms = 0; ms < 3000; ms += 10) {
      if (told.cluster.connectionTo(1)) leader.hangUp()
      clock.advance(10)
      for (let turns = 0; turns < 3; turns++) await turn()
    }

    // After 100, 200, 400, 800 and 1000 ms.
    expect(leader.connections).toBeGreaterThanOrEqual(5)
    expect(leader.connections).toBeLessThanOrEqual(7)
  })

  it('move with a broker that comes back under its id elsewhere', async () => {
    const old = await start()
    const fresh = await start()
    let place = old
    const broker: ScriptedBroker = await start(metadata(() => [place, broker]))
    const told = create([broker])
    await told.cluster.waitForTopic('a', 5000)
    const first = await connected(told, 1)
    const pending = failure(
      first.request(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 1 }, { version: 1 }),
    )

    place = fresh
    told.cluster.refresh('test')
    expect((await pending).code).toBe('CONNECTION_CLOSED')
    const second = await connected(told, 1)

    expect(second.remote).toContain(String(fresh.port))
    expect(first.isOpen).toBe(false)
  })
})

describe('leader hints', () => {
  it('are taken at once and told, where they are newer', async () => {
    const broker: ScriptedBroker = await start(
      metadata(
        () => [broker],
        name => topicDraft(name, [[1, 5]]),
      ),
    )
    const told = create([broker])
    await told.cluster.waitForTopic('a', 5000)
    const endpoint = { nodeId: 9, host: '127.0.0.1', port: broker.port }

    expect(told.cluster.applyLeaderHint('a', 0, 9, 5, [endpoint])).toBe(false)
    expect(told.cluster.applyLeaderHint('a', 0, 9, 6, [endpoint])).toBe(true)

    expect(told.topics.at(-1)!.partitions[0]).toMatchObject({ leader: 9, leaderEpoch: 6 })
    expect((await connected(told, 9)).isOpen).toBe(true)
  })
})

describe('a control connection that fails', () => {
  it('is replaced by one to another broker', async () => {
    const second: ScriptedBroker = await start(metadata(() => [first, second]))
    const first: ScriptedBroker = await start(metadata(() => [first, second]))
    const told = create([first])
    await told.cluster.waitForTopic('a', 5000)
    await first.close()

    await told.cluster.waitForTopic('b', 5000)

    expect(second.count(apis.metadata)).toBe(1)
  })

  it('goes at once with a broker whose answers do not come any more', async () => {
    const clock = new ManualClock()
    const second: ScriptedBroker = await start(metadata(() => [first, second]))
    const first: ScriptedBroker = await start(metadata(() => [first, second]))
    const told = create([first], {}, clock)
    await told.cluster.waitForTopic('a', 5000)
    const connection = await connected(told, 1)
    first.script = () => true
    const produce = failure(
      connection.request(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 1 }, { timeoutMs: 900 }),
    )
    clock.advance(900)
    expect((await produce).code).toBe('REQUEST_TIMEOUT')
    // The refresh that follows finds another broker: the frozen one is tried, and given company after a second.
    for (let ms = 0; ms < 3000 && second.count(apis.metadata) === 0; ms += 10) {
      clock.advance(10)
      await turn()
      await turn()
    }

    expect(second.count(apis.metadata)).toBe(1)
  })
})

describe('starting again from the bootstrap servers', () => {
  it('happens when no known broker can be reached, with the names looked up anew', async () => {
    const known = await start()
    await known.close()
    let lookups = 0
    const lookup = async () => {
      lookups++
      return [{ address: '127.0.0.1' }]
    }
    const bootstrap: ScriptedBroker = await start(metadata(() => [known]))
    const told = create([bootstrap], { lookup })
    await told.cluster.waitForTopic('a', 5000)
    bootstrap.hangUp()
    await bootstrap.until(() => bootstrap.sockets.size === 0)
    bootstrap.script = metadata(() => [bootstrap], name => topicDraft(name, [[1, 0]])) // biome-ignore format: short

    await told.cluster.waitForTopic('b', 5000)

    expect(lookups).toBeGreaterThanOrEqual(3)
    expect((await connected(told, 1)).remote).toContain(String(bootstrap.port))
  })

  it('tells who waited for another attempt to connect that there is a broker again', async () => {
    const known = await start()
    await known.close()
    const bootstrap: ScriptedBroker = await start(metadata(() => [known]))
    const told = create([bootstrap], { reconnectBackoffMs: 60_000, reconnectBackoffMaxMs: 60_000 })
    await told.cluster.waitForTopic('a', 5000)
    bootstrap.hangUp()
    await bootstrap.until(() => bootstrap.sockets.size === 0)
    bootstrap.script = metadata(() => [bootstrap])

    expect(told.cluster.connectionTo(1)).toBeUndefined()
    await told.until(() => told.ready.length > 0)

    expect((await connected(told, 1)).remote).toContain(String(bootstrap.port))
  })

  it('does not happen under the strategy none', async () => {
    const known = await start()
    await known.close()
    const bootstrap: ScriptedBroker = await start(metadata(() => [known]))
    const told = create([bootstrap], { metadataRecoveryStrategy: 'none' })
    await told.cluster.waitForTopic('a', 5000)
    bootstrap.hangUp()
    await bootstrap.until(() => bootstrap.sockets.size === 0)

    const error = await failure(told.cluster.waitForTopic('b', 300))

    expect(error.code).toBe('METADATA_TIMEOUT')
    expect(bootstrap.connections).toBe(1)
  })

  it('happens when a broker demands it', async () => {
    let asked = 0
    const broker: ScriptedBroker = await start(request => {
      if (!request.is(apis.metadata) || ++asked > 1) return metadata(() => [broker])(request)
      const errorCode = errorNumber('REBOOTSTRAP_REQUIRED')
      request.answer(apis.metadata, { brokers: nodes(broker), topics: [], errorCode })
      return true
    })
    const told = create([broker])

    await told.cluster.waitForTopic('a', 5000)

    expect(broker.connections).toBe(2)
    expect(told.errors.map(error => error.code)).toEqual(['REBOOTSTRAP_REQUIRED'])
  })
})

describe('questions', () => {
  it('share the control connection', async () => {
    const broker: ScriptedBroker = await start(request => {
      if (!request.is(apis.initProducerId)) return metadata(() => [broker])(request)
      request.answer(apis.initProducerId, { errorCode: 0, producerId: 42n, producerEpoch: 0 })
      return true
    })
    const { cluster } = create([broker])

    const answer = await cluster.request(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 1 })

    expect(answer.producerId).toBe(42n)
    expect(broker.connections).toBe(1)
  })
})

describe('closing', () => {
  it('tells everybody who waits, and leaves no socket and no timer', async () => {
    const clock = new ManualClock()
    const broker: ScriptedBroker = await start(metadata(() => [broker]))
    const told = create([broker], {}, clock)
    await told.cluster.waitForTopic('a', 5000)
    await connected(told, 1)
    broker.script = () => true
    const waiting = failure(told.cluster.waitForTopic('b', 5000))
    const asking = failure(
      told.cluster.request(apis.initProducerId, { transactionalId: null, transactionTimeoutMs: 1 }),
    )
    await broker.until(() => broker.requests.some(request => request.is(apis.initProducerId)))

    await told.cluster.close()

    expect((await waiting).code).toBe('CLOSED')
    expect((await asking).code).toBe('CLOSED')
    expect(clock.pendingTimers).toBe(0)
    await broker.until(() => broker.sockets.size === 0)
    expect(told.cluster.connectionTo(1)).toBeUndefined()
    expect((await failure(told.cluster.connect())).code).toBe('CLOSED')
  })

  it('ends attempts to connect that are under way', async () => {
    const clock = new ManualClock()
    const silent = await start(() => true)
    const { cluster } = create([silent], {}, clock)
    const connecting = failure(cluster.connect())
    await silent.until(() => silent.requests.length === 1)

    await cluster.close()

    expect((await connecting).code).toBe('CLOSED')
    expect(clock.pendingTimers).toBe(0)
    await silent.until(() => silent.sockets.size === 0)
  })
})
