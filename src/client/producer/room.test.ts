import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../testing/manual-clock.ts'
import { MemoryBudget } from '../accumulator/memory-budget.ts'
import { Room } from './room.ts'

let clock: ManualClock
let budget: MemoryBudget
let hasLine: boolean
let room: Room

beforeEach(() => {
  clock = new ManualClock({ turns: 'manual' })
  budget = new MemoryBudget(8_000_000)
  hasLine = false
  room = new Room(budget, () => hasLine, clock)
})

/** Whether the promise has settled by the end of the microtasks. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = () => {
    settled = true
  }
  promise.then(note, note)
  await new Promise(resolve => setImmediate(resolve))
  return settled
}

test('at rest there is room, and nobody waits', async () => {
  expect(room.isThere).toBe(true)
  expect(await isSettled(room.wait(undefined))).toBe(true)
})

test('a loop is asked to pause after so many records, or so many bytes, until the turn has ended', async () => {
  for (const [records, bytes] of [
    [4096, 10],
    [1, 1024 * 1024],
  ] as const) {
    for (let n = 0; n < records; n++) room.took(bytes)
    expect(room.isThere).toBe(false)
    const waiting = room.wait(undefined)
    expect(await isSettled(waiting)).toBe(false)
    clock.endTurn()
    expect(room.isThere).toBe(true)
    expect(await isSettled(waiting)).toBe(true)
  }
})

test('while memory is short, or others wait for it, there is none, however often the loop turns', async () => {
  budget.lend(7_500_000)
  const waiting = room.wait(undefined)
  room.took(1)
  clock.endTurn()
  expect([room.isThere, await isSettled(waiting)]).toEqual([false, false])

  hasLine = true
  budget.giveBack(7_500_000)
  room.look()
  expect([room.isThere, await isSettled(waiting)]).toEqual([false, false])

  hasLine = false
  room.look()
  expect([room.isThere, await isSettled(waiting)]).toEqual([true, true])
})

test('a wait can be aborted, before and while it waits; the others go on waiting', async () => {
  budget.lend(8_000_000)
  const controller = new AbortController()
  const [first, second] = [room.wait(controller.signal), room.wait(undefined)]
  controller.abort(new Error('enough'))
  await expect(first).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(room.wait(controller.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await isSettled(second)).toBe(false)
  budget.giveBack(8_000_000)
  room.look()
  await second
})

test('closing ends every wait', async () => {
  budget.lend(8_000_000)
  const waiting = room.wait(undefined)
  room.close()
  await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a small memory still has room while it is empty', () => {
  const small = new MemoryBudget(1000)
  const own = new Room(small, () => false, clock)
  expect(own.isThere).toBe(true)
  small.lend(750)
  expect(own.isThere).toBe(false)
})
