import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { Backoff } from '../../base/time/backoff.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { Batch } from '../accumulator/batch.ts'
import { addToSequence, PartitionQueue } from '../accumulator/partition-queue.ts'
import { Identity } from './identity.ts'
import { giveUpSequence, readyToSend, stampParts } from './sequencing.ts'

const flushPromises = () => new Promise(resolve => setImmediate(resolve))

let identity: Identity
let asked: number
let queue: PartitionQueue

beforeEach(async () => {
  asked = 0
  identity = new Identity(
    answered => {
      const producerId = BigInt(++asked)
      queueMicrotask(() => answered({ errorCode: 0, producerId, producerEpoch: 0 }))
    },
    { onReady() {}, onRefused() {} },
    new Backoff(1, 1),
    new ManualClock({ turns: 'manual' }),
  )
  queue = new PartitionQueue('t', 0)
})

function sealedBatch(records: number): Batch {
  const batch = new Batch(queue, undefined, 0, 0)
  batch.count = records
  batch.wire = Buffer.alloc(61)
  batch.writeHeader(batch.wire, 0)
  batch.state = 'sealed'
  return batch
}

function waiting(...records: number[]): Batch[] {
  const batches = records.map(sealedBatch)
  queue.waiting.push(...batches)
  return batches
}

/** Sends the head, as the sender does. */
function sendHead(): Batch {
  expect(readyToSend(queue, identity)).toBe(true)
  const batch = queue.waiting.shift()!
  batch.move('in-flight')
  if (batch.sendOrder < 0) {
    batch.sendOrder = queue.sentRecords
    queue.sentRecords += batch.count
  }
  queue.inFlight.push(batch)
  return batch
}

/** Its answer says that it must be sent again. */
function comesBack(batch: Batch): void {
  queue.removeInFlight(batch)
  batch.move('sealed')
  queue.requeue(batch)
}

const stampOf = ({ stamp }: Batch) => `${stamp?.producerId}/${stamp?.producerEpoch} ${stamp?.baseSequence}`

async function withIdentity(): Promise<void> {
  identity.request()
  await flushPromises()
}

describe('Numbers', () => {
  test('they go to 2^31 − 1 and begin again at 0', () => {
    expect(addToSequence(2 ** 31 - 1, 1)).toBe(0)
    expect(addToSequence(2 ** 31 - 3, 5)).toBe(2)
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), fc.nat(1_000_000), (sequence, records) => {
        expect(addToSequence(sequence, records)).toBe(Number((BigInt(sequence) + BigInt(records)) % 2n ** 31n))
      }),
    )
  })

  test('the first batch waits for an identity, and asks for it once', async () => {
    waiting(1)
    expect(readyToSend(queue, identity)).toBe(false)
    expect(readyToSend(queue, identity)).toBe(false)
    await flushPromises()
    expect(asked).toBe(1)
    expect(readyToSend(queue, identity)).toBe(true)
  })

  test('batches are numbered in order, by the records that are written', async () => {
    await withIdentity()
    const batches = waiting(3, 5, 2)
    batches[1]!.takenBack = new Set([0, 4])
    for (const _ of batches) sendHead()
    expect(batches.map(stampOf)).toEqual(['1/0 0', '1/0 3', '1/0 6'])
    expect(queue.nextSequence).toBe(8)
  })

  test('a batch across the wrap is followed by what comes behind it', async () => {
    await withIdentity()
    const [first] = waiting(1)
    sendHead()
    queue.removeInFlight(first!)
    queue.nextSequence = 2 ** 31 - 2
    const [across, after] = waiting(5, 1)
    sendHead()
    sendHead()
    expect([across, after].map(batch => batch!.stamp!.baseSequence)).toEqual([2 ** 31 - 2, 3])
  })

  test('a retry keeps its stamp', async () => {
    await withIdentity()
    const [first, second] = waiting(3, 3)
    sendHead()
    sendHead()
    comesBack(second!)
    comesBack(first!)
    expect(queue.waiting).toEqual([first, second])
    const before = [stampOf(first!), stampOf(second!)]
    sendHead()
    sendHead()
    expect([stampOf(first!), stampOf(second!)]).toEqual(before)
  })
})

describe('A batch that is given up', () => {
  test('certainly not written and the last one: its numbers are used again', async () => {
    await withIdentity()
    const [first, last] = waiting(3, 5)
    sendHead()
    sendHead()
    queue.removeInFlight(last!)
    giveUpSequence(queue, last!)
    expect(queue.hasGap).toBe(false)
    expect(queue.nextSequence).toBe(3)
    queue.removeInFlight(first!)
    const [next] = waiting(2)
    sendHead()
    expect(stampOf(next!)).toBe('1/0 3')
  })

  test.each([
    { what: 'it may have been written', outcome: 'unknown', givenUp: 1 },
    { what: 'others were numbered behind it', outcome: 'not-written', givenUp: 0 },
  ] as const)('$what: a gap, and a newer epoch from 0 once all is resolved', async ({ outcome, givenUp }) => {
    await withIdentity()
    const batches = waiting(3, 5)
    sendHead()
    sendHead()
    batches[givenUp]!.outcome = outcome
    queue.removeInFlight(batches[givenUp]!)
    giveUpSequence(queue, batches[givenUp]!)
    expect(queue.hasGap).toBe(true)

    const [next] = waiting(2)
    expect(readyToSend(queue, identity)).toBe(false) // the other one is still on its way
    queue.removeInFlight(batches[1 - givenUp]!)
    sendHead()

    expect(stampOf(next!)).toBe('1/1 0')
    expect(queue).toMatchObject({ hasGap: false, nextSequence: 2, confirmed: false })
  })

  test('one of an older identity leaves no gap in the new one', async () => {
    await withIdentity()
    const [old] = waiting(3)
    sendHead()
    queue.removeInFlight(old!)
    identity.bump()
    const [next] = waiting(1)
    sendHead()
    old!.outcome = 'unknown'
    giveUpSequence(queue, old!)
    expect(queue.hasGap).toBe(false)
    expect(stampOf(next!)).toBe('1/1 0')
  })

  test('one that was never numbered leaves none', async () => {
    const [batch] = waiting(3)
    giveUpSequence(queue, batch!)
    expect(queue.hasGap).toBe(false)
  })
})

describe('Beginning anew', () => {
  test('behind a gap, waiting batches that are certainly not written are numbered from 0 under a newer epoch', async () => {
    await withIdentity()
    const [lost, second, third] = waiting(4, 5, 6)
    for (let n = 0; n < 3; n++) sendHead()
    lost!.outcome = 'unknown'
    queue.removeInFlight(lost!)
    giveUpSequence(queue, lost!)
    comesBack(third!)
    comesBack(second!)

    sendHead()
    sendHead()

    expect([second, third].map(batch => stampOf(batch!))).toEqual(['1/1 0', '1/1 5'])
    expect(queue.nextSequence).toBe(11)
  })

  test('a waiting batch that may have been written keeps its stamp, and goes out under it', async () => {
    await withIdentity()
    const [lost, doubtful] = waiting(4, 5)
    sendHead()
    sendHead()
    lost!.outcome = 'unknown'
    queue.removeInFlight(lost!)
    giveUpSequence(queue, lost!)
    doubtful!.outcome = 'unknown'
    comesBack(doubtful!)
    sendHead()
    expect(stampOf(doubtful!)).toBe('1/0 4')
    expect(queue.hasGap).toBe(true)
  })

  test('a new epoch of another partition reaches this one when everything under the old one is resolved', async () => {
    await withIdentity()
    const [first] = waiting(1)
    sendHead()
    identity.bump()
    const [second] = waiting(1)
    expect(readyToSend(queue, identity)).toBe(false)
    queue.removeInFlight(first!)
    sendHead()
    expect(stampOf(second!)).toBe('1/1 0')
  })

  test('two partitions with gaps share one bump', async () => {
    await withIdentity()
    const other = new PartitionQueue('t', 1)
    for (const own of [queue, other]) {
      queue = own
      const [batch] = waiting(1)
      sendHead()
      batch!.outcome = 'unknown'
      queue.removeInFlight(batch!)
      giveUpSequence(queue, batch!)
    }
    const stamps: string[] = []
    for (const own of [other, queue]) {
      queue = own
      const [batch] = waiting(1)
      sendHead()
      stamps.push(stampOf(batch!))
    }
    expect(identity.current).toEqual({ producerId: 1n, producerEpoch: 1 })
    expect(stamps[0]).toBe('1/1 0')
  })
})

test('the parts of a batch get the numbers of the whole', async () => {
  await withIdentity()
  const [whole] = waiting(9)
  sendHead()
  const parts = [4, 3, 2].map(sealedBatch)
  const sealed: Batch[] = []
  stampParts(whole!, parts, part => sealed.push(part))
  expect(sealed).toEqual(parts)
  expect(parts.map(stampOf)).toEqual(['1/0 0', '1/0 4', '1/0 7'])
  expect(parts.map(({ sendOrder }) => sendOrder)).toEqual([0, 4, 7])
})

test('whatever fails, numbers sent under one identity never overlap and never leave a hole behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('send', 'written', 'retry', 'lost', 'refused'), fc.nat(10)), { maxLength: 60 }),
      async steps => {
        queue = new PartitionQueue('t', 0)
        await withIdentity()
        /** The log as a broker keeps it: the next number of each epoch. */
        const next = new Map<string, number>()
        const written = new Set<Batch>()
        for (const [step, size] of steps) {
          if (step === 'send') {
            if (queue.waiting.length === 0) waiting(size + 1)
            if (queue.inFlight.length < 5 && readyToSend(queue, identity)) sendHead()
            continue
          }
          const batch = queue.inFlight[0]
          if (batch === undefined) continue
          const { producerId, producerEpoch, baseSequence } = batch.stamp!
          const epoch = `${producerId}/${producerEpoch}`
          // Batches arrive in order, so the broker takes one if and only if it continues what it has.
          const continues = (next.get(epoch) ?? 0) === baseSequence
          if (step === 'written' || step === 'lost') {
            if (continues) {
              next.set(epoch, addToSequence(baseSequence, batch.count))
              expect(written.has(batch)).toBe(false)
              written.add(batch)
            } else if (!written.has(batch)) continue // it would be refused as out of order
          }
          if (step === 'retry') comesBack(batch)
          else {
            queue.removeInFlight(batch)
            if (step === 'lost') batch.outcome = 'unknown'
            if (step !== 'written') giveUpSequence(queue, batch)
          }
        }
        // When all is resolved, the next batch is one that the broker takes.
        for (const batch of [...queue.inFlight, ...queue.waiting]) {
          queue.removeInFlight(batch)
          queue.removeWaiting(batch)
          giveUpSequence(queue, batch)
        }
        const [last] = waiting(1)
        sendHead()
        const { producerId, producerEpoch, baseSequence } = last!.stamp!
        expect(baseSequence).toBe(next.get(`${producerId}/${producerEpoch}`) ?? 0)
      },
    ),
    { numRuns: 200 },
  )
})
