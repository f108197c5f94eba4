import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { KafkaError } from '../../base/errors/index.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { MemoryBudget } from '../accumulator/memory-budget.ts'
import { TopicMeter } from '../metrics/meters.ts'
import { Stopwatch } from '../metrics/stopwatch.ts'
import type { TopicPartitioner } from '../partitioners/partitioner.ts'
import { Lobby } from './lobby.ts'
import { ParkedRecord } from './parked-record.ts'
import { TopicState } from './topic-state.ts'

const maxBlockMs = 1000
const deliveryTimeoutMs = 5000
const totalBytes = 1000
const windows = { samples: 2, windowMs: 30_000 }

let clock: ManualClock
let budget: MemoryBudget
let lobby: Lobby
/** Values of records in the order in which they came into batches. */
let placed: string[]
let failed: string[]
let linesFormed: number

beforeEach(() => {
  clock = new ManualClock({ turns: 'manual' })
  setUp(totalBytes)
})

function setUp(bytes: number): void {
  budget = new MemoryBudget(bytes)
  placed = []
  failed = []
  linesFormed = 0
  lobby = new Lobby(
    budget,
    {
      place(record, topic) {
        if ((record.partition ?? 0) >= topic.partitionCount) return false
        record.move('placed')
        budget.lend(record.chargedBytes)
        placed.push(String(record.value))
        return true
      },
      fail(record: ParkedRecord, error: KafkaError) {
        lobby.settled(record)
        failed.push(`${record.value ?? 'serializing'} ${error.code}`)
        record.settled(error, undefined)
      },
      lineFormed: () => linesFormed++,
      drained() {},
      forget() {},
      metadataProblem: () => undefined,
    },
    clock,
    maxBlockMs,
    deliveryTimeoutMs,
    { memoryWait: new Stopwatch(clock, windows), metadataWait: new Stopwatch(clock, windows) },
  )
}

const blocker = { blockOnRecord() {} }

function topicNamed(name: string, partitions = 0): TopicState {
  const topic = new TopicState(
    name,
    {} as TopicPartitioner,
    () => undefined,
    0,
    clock,
    blocker,
    () => new TopicMeter(name, windows),
  )
  topic.growTo(partitions)
  return topic
}

function record(topic: TopicState, bytes: number, partition?: number): ParkedRecord {
  const parked = new ParkedRecord(topic.name, partition, -1, clock.now(), undefined)
  lobby.charge(parked, bytes)
  lobby.park(parked, topic)
  return parked
}

/** One whose bytes are there. */
function waiting(topic: TopicState, value: string, bytes = 10, partition?: number): ParkedRecord {
  const parked = record(topic, bytes, partition)
  parked.serialized(null, value, [])
  lobby.recharge(parked, bytes)
  lobby.drain(topic)
  return parked
}

/** A batch was settled: what it had lent is there again. */
function free(bytes: number): void {
  budget.giveBack(bytes)
  lobby.memoryFreed()
}

describe('Order', () => {
  test('records wait for their topic, and leave as they came', () => {
    const topic = topicNamed('t')
    for (const value of ['a', 'b', 'c']) waiting(topic, value)
    expect([lobby.count, placed]).toEqual([3, []])
    topic.growTo(1)
    lobby.drain(topic)
    expect([lobby.count, placed, budget.usedBytes]).toEqual([0, ['a', 'b', 'c'], 30])
  })

  test('nobody overtakes one whose serializer has not answered, except in other topics', () => {
    const [slow, other] = [topicNamed('slow', 1), topicNamed('other', 1)]
    const first = record(slow, 10)
    waiting(slow, 'b')
    waiting(other, 'c')
    expect(placed).toEqual(['c'])
    first.serialized(null, 'a', [])
    lobby.drain(slow)
    expect(placed).toEqual(['c', 'a', 'b'])
  })

  test('one for a partition that is not there yet holds nobody up, and is placed when it comes', () => {
    const topic = topicNamed('t', 1)
    waiting(topic, 'far', 10, 1)
    waiting(topic, 'near', 10, 0)
    expect([placed, lobby.count]).toEqual([['near'], 1])
    topic.growTo(2)
    lobby.drain(topic)
    expect([placed, lobby.count]).toEqual([['near', 'far'], 0])
  })

  test('one that settled meanwhile is passed over', () => {
    const topic = topicNamed('t')
    const [first, second] = [waiting(topic, 'a'), waiting(topic, 'b')]
    lobby.settled(first)
    first.settled(new Error('taken back') as never, undefined)
    topic.growTo(1)
    lobby.drain(topic)
    expect([placed, budget.usedBytes, second.state]).toEqual([['b'], 10, 'placed'])
  })
})

describe('Memory', () => {
  test('goes to whoever waits longest, whatever the topic, and whatever would fit', () => {
    const [a, b] = [topicNamed('a', 1), topicNamed('b', 1)]
    waiting(a, 'fills', 900)
    waiting(a, 'large', 300)
    waiting(b, 'small', 150) // would fit, but came later
    expect([placed, lobby.hasLine, linesFormed]).toEqual([['fills'], true, 1])
    free(150)
    expect(placed).toEqual(['fills'])
    free(150)
    expect(placed).toEqual(['fills', 'large'])
    free(600)
    expect([placed, lobby.hasLine, lobby.lineBytes]).toEqual([['fills', 'large', 'small'], false, 0])
  })

  test('the line is bounded: beyond it a send is refused at once, and nothing has changed', () => {
    const topic = topicNamed('t', 1)
    waiting(topic, 'fills', 1000)
    let inLine = 0
    let refusal: unknown
    while (refusal === undefined && inLine < 1000)
      try {
        waiting(topic, 'waits', 100)
        inLine++
      } catch (error) {
        refusal = error
      }
    expect(inLine).toBeGreaterThan(0)
    expect(inLine).toBeLessThanOrEqual(10)
    expect(refusal).toMatchObject({ code: 'BUFFER_EXHAUSTED', outcome: 'not-written', retriable: true })
    expect(lobby.count).toBe(inLine)
    free(1000)
    expect(placed).toHaveLength(1 + inLine)
  })

  test('who gives up leaves the line, and does not keep those behind from memory', () => {
    const topic = topicNamed('t', 1)
    waiting(topic, 'fills', 1000)
    const first = waiting(topic, 'gives up', 250)
    waiting(topic, 'stays', 200)
    lobby.settled(first)
    first.settled(new Error('taken back') as never, undefined)
    free(200)
    expect([placed, lobby.lineBytes]).toEqual([['fills', 'stays'], 0])
  })

  test('whatever happens, what is lent comes back, and each record leaves once', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ send: fc.integer({ min: 1, max: 600 }), topic: fc.nat(2), partition: fc.nat(1) }),
            fc.record({ answer: fc.nat(50) }),
            fc.record({ giveUp: fc.nat(50) }),
            fc.record({ settle: fc.nat(50) }),
            fc.record({ know: fc.nat(2) }),
            fc.record({ pass: fc.integer({ min: 0, max: 800 }) }),
          ),
          { maxLength: 80 },
        ),
        steps => {
          clock = new ManualClock({ turns: 'manual' })
          setUp(totalBytes)
          const topics = [topicNamed('0'), topicNamed('1'), topicNamed('2')]
          const all: { parked: ParkedRecord; bytes: number; isFreed: boolean }[] = []
          const at = <T>(items: T[], index: number) => items[index % Math.max(1, items.length)]
          const batchOf = (own: (typeof all)[number]) => {
            if (own.parked.state !== 'placed' || own.isFreed) return
            own.isFreed = true
            free(own.bytes)
          }
          for (const step of steps) {
            if ('send' in step) {
              const topic = topics[step.topic]!
              try {
                all.push({ parked: record(topic, step.send, step.partition), bytes: step.send, isFreed: false })
              } catch {}
            } else if ('answer' in step) {
              const own = at(
                all.filter(({ parked }) => parked.state === 'serializing'),
                step.answer,
              )
              if (own === undefined) continue
              own.parked.serialized(null, String(all.indexOf(own)), [])
              lobby.recharge(own.parked, own.bytes)
              lobby.drain(topics[Number(own.parked.topic)]!)
            } else if ('giveUp' in step) {
              const own = at(
                all.filter(({ parked }) => parked.state === 'serializing' || parked.state === 'waiting'),
                step.giveUp,
              )
              if (own === undefined) continue
              lobby.settled(own.parked)
              own.parked.settled(new Error('given up') as never, undefined)
              lobby.drain(topics[Number(own.parked.topic)]!)
            } else if ('settle' in step) {
              const own = at(all, step.settle)
              if (own !== undefined) batchOf(own)
            } else if ('know' in step) {
              topics[step.know]!.growTo(topics[step.know]!.partitionCount + 1)
              lobby.drain(topics[step.know]!)
            } else clock.advance(step.pass)
            expect(budget.usedBytes).toBeLessThanOrEqual(totalBytes)
            expect(lobby.count).toBe(
              all.filter(({ parked }) => ['serializing', 'waiting'].includes(parked.state)).length,
            )
          }
          clock.advance(deliveryTimeoutMs + 1)
          for (const own of all) batchOf(own)
          for (const own of all) batchOf(own) // placed only when the first ones were free
          expect(all.every(({ parked }) => ['placed', 'settled'].includes(parked.state))).toBe(true)
          expect([lobby.count, lobby.lineBytes, budget.usedBytes]).toEqual([0, 0, 0])
          expect(new Set(placed).size).toBe(placed.length)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('Ends', () => {
  test('maxBlockMs for memory and metadata, deliveryTimeoutMs for serializers; each in its own class', () => {
    const [unknown, known] = [topicNamed('unknown'), topicNamed('known', 1)]
    record(topicNamed('slow', 1), 10)
    waiting(unknown, 'topic')
    waiting(known, 'partition', 10, 7)
    waiting(known, 'fills', 970)
    waiting(known, 'memory', 100)
    clock.advance(maxBlockMs - 1)
    expect(failed).toEqual([])
    clock.advance(1)
    expect(failed.toSorted()).toEqual([
      'memory BUFFER_EXHAUSTED',
      'partition METADATA_TIMEOUT',
      'topic METADATA_TIMEOUT',
    ])
    clock.advance(deliveryTimeoutMs - maxBlockMs - 1)
    expect(failed).toHaveLength(3)
    clock.advance(1)
    expect(failed[3]).toBe('serializing SERIALIZATION_TIMEOUT')
    expect([lobby.count, clock.pendingTimers]).toEqual([0, 0])
  })

  test('each is due by its own call', () => {
    const topic = topicNamed('t')
    waiting(topic, 'a')
    clock.advance(400)
    waiting(topic, 'b')
    clock.advance(600)
    expect(failed).toEqual(['a METADATA_TIMEOUT'])
    clock.advance(399)
    expect(failed).toHaveLength(1)
    clock.advance(1)
    expect(failed).toHaveLength(2)
  })

  test('one whose serializer has answered is due as one that waits', () => {
    const topic = topicNamed('t')
    const parked = record(topic, 10)
    clock.advance(500)
    parked.serialized(null, 'a', [])
    lobby.recharge(parked, 10)
    clock.advance(500)
    expect(failed).toEqual(['a METADATA_TIMEOUT'])
  })

  test('what arrives in the turn in which it is due is in time', () => {
    const topic = topicNamed('t')
    waiting(topic, 'a')
    const arrives = clock.now() + maxBlockMs
    clock.schedule(() => {
      topic.growTo(1)
      lobby.drain(topic)
    }, arrives - clock.now())
    clock.advance(maxBlockMs)
    expect([placed, failed]).toEqual([['a'], []])
  })

  test('a topic that can never be written to fails all who wait for it, and nobody else', () => {
    const [bad, good] = [topicNamed('bad'), topicNamed('good')]
    for (const value of ['a', 'b']) waiting(bad, value)
    waiting(good, 'c')
    lobby.failTopic(bad, () => ({ code: 'INVALID_TOPIC_EXCEPTION' }) as KafkaError)
    expect(failed).toEqual(['a INVALID_TOPIC_EXCEPTION', 'b INVALID_TOPIC_EXCEPTION'])
    expect([...lobby.records()].map(({ value }) => value)).toEqual(['c'])
    lobby.failAll(() => ({ code: 'CLOSED' }) as KafkaError)
    expect([failed[2], lobby.count, budget.usedBytes]).toEqual(['c CLOSED', 0, 0])
  })

  test('closed, it has no timer', () => {
    waiting(topicNamed('t'), 'a')
    lobby.close()
    expect(clock.pendingTimers).toBe(0)
    clock.advance(10_000)
    expect(failed).toEqual([])
  })
})
