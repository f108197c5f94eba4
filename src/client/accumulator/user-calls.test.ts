import { expect, test } from 'vitest'
import { UserCalls } from './user-calls.ts'

function setting() {
  const calls = new UserCalls()
  const seen: string[] = []
  return { calls, seen, see: (what: string) => () => void seen.push(what) }
}

test('a call is made at once; while they are held it waits, and runs when the last hold and the present code have ended', async () => {
  const { calls, seen, see } = setting()
  calls.run(see('at once'))
  calls.hold()
  calls.hold()
  calls.run(see('first'))
  calls.release()
  calls.run(see('second'))
  calls.release()
  expect([seen, calls.isOpen]).toEqual([['at once'], false])
  calls.run(see('behind those that wait'))
  await Promise.resolve()
  expect([seen, calls.isOpen]).toEqual([['at once', 'first', 'second', 'behind those that wait'], true])
})

test('they run before the promises that were settled meanwhile', async () => {
  const { calls, seen, see } = setting()
  calls.hold()
  calls.run(see('call'))
  calls.release()
  await Promise.resolve().then(see('promise'))
  expect(seen).toEqual(['call', 'promise'])
})

test('a call that holds again lets the others go on behind it, in order', async () => {
  const { calls, seen, see } = setting()
  calls.hold()
  calls.run(() => {
    seen.push('blocks')
    calls.hold()
    calls.run(see('came meanwhile'))
    calls.release()
    seen.push('goes on')
  })
  calls.run(see('waited before'))
  calls.release()
  await new Promise(setImmediate)
  expect(seen).toEqual(['blocks', 'goes on', 'waited before', 'came meanwhile'])
})

test('nothing is released that was not held', () => {
  expect(() => new UserCalls().release()).toThrow('held')
})

test('a later call waits until the present code has ended, before the promises it settled; what comes behind it waits as well', async () => {
  const { calls, seen, see } = setting()
  calls.later(see('later'))
  calls.run(see('behind it'))
  const settled = Promise.resolve().then(see('promise'))
  expect([seen, calls.isOpen]).toEqual([[], false])
  await settled
  expect([seen, calls.isOpen]).toEqual([['later', 'behind it', 'promise'], true])
})

test('a later call that comes while they are held waits for the release', async () => {
  const { calls, seen, see } = setting()
  calls.hold()
  calls.later(see('later'))
  await Promise.resolve()
  expect(seen).toEqual([])
  calls.release()
  await Promise.resolve()
  expect(seen).toEqual(['later'])
})
