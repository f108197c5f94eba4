import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventLoopDelay } from './event-loop-delay.ts'

test('a stall is told for a while, and then forgotten', async () => {
  expect(eventLoopDelay(0).max).toBeNaN()
  await delay(100)
  const until = performance.now() + 1_500
  while (performance.now() < until) {}
  await delay(100)

  expect(eventLoopDelay(1_000).max).toBeGreaterThan(1_200)
  expect(eventLoopDelay(30_000).max).toBeGreaterThan(1_200)
  await delay(100)
  expect(eventLoopDelay(60_000).max).toBeLessThan(1_200)
})
