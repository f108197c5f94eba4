import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { NetworkError } from '../../base/errors/index.ts'
import { Backoff } from '../../base/time/backoff.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { MetadataRefresh, type Refreshed, type Scope } from './metadata-refresh.ts'

const nothingNew: Refreshed = { isNews: false, missing: undefined }
const news: Refreshed = { isNews: true, missing: undefined }

describe('MetadataRefresh', () => {
  let clock: ManualClock
  let asked: { scope: Scope; at: number }[]
  let answers: () => Promise<Refreshed>
  let newTopics: number
  let failures: unknown[]
  let refresh: MetadataRefresh

  beforeEach(() => {
    clock = new ManualClock()
    asked = []
    failures = []
    newTopics = 0
    answers = async () => news
    const work = {
      ask: (scope: Scope) => {
        asked.push({ scope, at: clock.now() })
        newTopics = 0
        return answers()
      },
      hasNew: () => newTopics > 0,
      onFailure: (error: unknown) => failures.push(error),
    }
    // Chance in the middle: no jitter.
    const backoff = new Backoff(100, 1000, () => 0.5)
    refresh = new MetadataRefresh(work, { clock, backoff, retryBackoffMaxMs: 1000, metadataMaxAgeMs: 300_000 })
  })

  /** Lets time pass in small steps, with the turns in which answers are dealt with. */
  const pass = async (ms: number) => {
    await turn()
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(Math.min(10, left))
      await turn()
    }
  }
  const gaps = () => asked.slice(1).map(({ at }, index) => at - asked[index]!.at)

  it('makes one request of many wishes in one turn', async () => {
    for (let wish = 0; wish < 1000; wish++) refresh.refresh('again')
    await pass(50)
    expect(asked).toHaveLength(1)
  })

  it('has one request under way at a time; what is wished meanwhile follows after the back-off', async () => {
    let finish: (refreshed: Refreshed) => void = () => {}
    answers = () =>
      new Promise(resolve => {
        finish = resolve
      })
    refresh.refresh('first')
    await pass(500)
    refresh.refresh('second')
    await pass(500)
    expect(asked).toHaveLength(1)
    finish(news)
    await pass(90)
    expect(asked).toHaveLength(1)
    await pass(20)
    expect(asked).toHaveLength(2)
  })

  it('waits longer and longer while answers bring no news, and short again after news', async () => {
    answers = async () => ({ isNews: false, missing: 't-0 has no leader' })
    refresh.refresh('no leader')
    await pass(4400)
    expect(gaps()).toEqual([100, 200, 400, 800, 1000, 1000])
    answers = async () => ({ isNews: true, missing: 't-1 has no leader' })
    await pass(100)
    answers = async () => nothingNew
    await pass(100)
    expect(gaps().slice(-2)).toEqual([1000, 100])
  })

  it('waits longer and longer after failures, and tells each', async () => {
    answers = async () => {
      throw new NetworkError('CONNECT_FAILED', 'no')
    }
    refresh.refresh('first')
    await pass(3000)
    expect(gaps()).toEqual([100, 200, 400, 800, 1000])
    expect(failures).toHaveLength(asked.length)
  })

  it('asks for new topics at once, whatever back-off there is', async () => {
    answers = async () => ({ isNews: false, missing: 't-0 has no leader' })
    refresh.refresh('no leader')
    await pass(1500)
    const before = asked.length
    newTopics = 1
    refresh.askForNew()
    await turn()
    expect(asked.slice(before)).toEqual([{ scope: 'new', at: clock.now() }])
  })

  it('asks again when the picture has grown old, without taking silence for failure', async () => {
    refresh.refresh('first')
    await turn()
    answers = async () => nothingNew
    for (let hour = 0; hour < 3; hour++) {
      clock.advance(300_000)
      await turn()
      await turn()
    }
    expect(asked).toHaveLength(4)
    refresh.refresh('now')
    await pass(110)
    expect(asked).toHaveLength(5)
  })

  it('leaves no timer behind', async () => {
    answers = async () => ({ isNews: false, missing: 'something' })
    refresh.refresh('first')
    await pass(300)
    refresh.close()
    expect(clock.pendingTimers).toBe(0)
    await pass(3000)
    expect(clock.pendingTimers).toBe(0)
  })
})
