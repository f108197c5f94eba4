import { beforeEach, describe, expect, test } from 'vitest'
import { ConfigError, DeliveryTimeoutError, KafkaError } from '../../base/errors/index.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { MockProducer } from '../../testing/mock-producer.ts'
import type { LogFields, LogLevel } from '../observer/logger.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { InterceptedRecord } from './intercepted-record.ts'
import { logSendResults, SendResultLog, type SendResultLogOptions } from './log-send-results.ts'

let clock: ManualClock
let lines: { level: LogLevel; message: string; fields: LogFields }[]
const logger = {
  log: (level: LogLevel, message: string, fields: LogFields) => void lines.push({ level, message, fields }),
}

beforeEach(() => {
  clock = new ManualClock()
  lines = []
})

const metadata = {
  ...{ topic: 'orders', partition: 3, offset: 42n, hasOffset: true, timestamp: 1_700_000_000_000 },
  ...{ serializedKeySize: 1, serializedValueSize: 1 },
} as RecordMetadata

/** `results` records that end so, one after another, `everyMs` apart. */
function end(log: SendResultLog, results: number, error: KafkaError | null, everyMs = 0) {
  for (let n = 0; n < results; n++) {
    const sent = new InterceptedRecord('p', clock, () => {})
    sent.topic = 'orders'
    sent.partition = 3
    log.onSend({ topic: 'orders', value: 'x' }, sent)
    clock.advance(everyMs)
    log.onAcknowledgement(error, error === null ? metadata : undefined, sent)
  }
}
const log = (options: Partial<SendResultLogOptions> = {}) => new SendResultLog({ logger, ...options }, clock)
const timedOut = new DeliveryTimeoutError('no acknowledgement for orders-3 within 5 ms', 'unknown')

test('a record that was acknowledged: where, when, and how long it took', () => {
  end(log(), 1, null, 12)

  expect(lines).toEqual([
    {
      level: 'info',
      message: 'orders-3 has it at offset 42 after 12 ms',
      fields: {
        ...{ clientId: 'p', event: 'acknowledged', topic: 'orders', partition: 3, offset: '42' },
        ...{ timestamp: 1_700_000_000_000, latencyMs: 12 },
      },
    },
  ])
})

test('a record that failed: code, outcome and message', () => {
  end(log(), 1, timedOut, 5)

  expect(lines).toEqual([
    {
      level: 'error',
      message:
        'a record for orders failed after 5 ms, unknown whether written: no acknowledgement for orders-3 within 5 ms',
      fields: {
        ...{ clientId: 'p', event: 'failed', topic: 'orders', partition: 3, code: 'DELIVERY_TIMEOUT' },
        ...{ outcome: 'unknown', latencyMs: 5 },
      },
    },
  ])
})

test('beyond the most a second the rest is counted, each kind by itself, and told when the second is over', () => {
  const own = log({ maxPerSecond: 3 })

  end(own, 1000, null)
  end(own, 10, timedOut)
  expect(lines).toHaveLength(6)
  clock.advance(1000)
  end(own, 2, null)
  clock.advance(5000)

  expect(lines.slice(6).map(({ level, message }) => `${level} ${message}`)).toEqual([
    'info and 997 more records acknowledged in this second',
    'error and 7 more records failed in this second',
    'info orders-3 has it at offset 42 after 0 ms',
    'info orders-3 has it at offset 42 after 0 ms',
  ])
  expect(clock.pendingTimers).toBe(0)
})

test('for whatever time it goes on, no second has more lines than stated', () => {
  end(log({ maxPerSecond: 5 }), 20_000, null, 1)

  expect(lines.length).toBeLessThanOrEqual(20 * 6 + 6)
  expect(lines.filter(({ fields }) => fields.event === 'acknowledged')).toHaveLength(100)
})

test('close tells what was counted last, and leaves no timer', () => {
  const own = log({ maxPerSecond: 1 })
  end(own, 3, null)

  own.close()
  own.close()

  expect(lines.at(-1)).toMatchObject({
    message: 'and 2 more records acknowledged in this second',
    fields: { times: 2 },
  })
  expect(lines).toHaveLength(2)
  expect(clock.pendingTimers).toBe(0)
})

test('a sample is spread evenly, and takes nothing from the failures', () => {
  const own = log({ sample: 0.25 })

  end(own, 20, null)
  end(own, 3, timedOut)

  expect(lines.map(({ fields }) => fields.event)).toEqual([
    ...Array(5).fill('acknowledged'),
    ...Array(3).fill('failed'),
  ])
})

test('levels, and failures only', () => {
  end(log({ level: 'debug', failureLevel: 'warn' }), 1, null)
  end(log({ failureLevel: 'warn', failuresOnly: true }), 1, null)
  end(log({ failureLevel: 'warn', failuresOnly: true }), 1, timedOut)

  expect(lines.map(({ level }) => level)).toEqual(['debug', 'warn'])
})

test('a logger that fails where nobody could hear of it does no harm', async () => {
  let calls = 0
  const failing = {
    log() {
      calls++
      if (calls % 2 === 0) throw new Error('disk full')
      return Promise.reject(new Error('disk full'))
    },
  }
  const own = new SendResultLog({ logger: failing, maxPerSecond: 0 }, clock)

  for (let second = 0; second < 4; second++) {
    end(own, 1, null)
    clock.advance(1000)
  }
  await new Promise(setImmediate)

  expect(calls).toBe(4)
})

test('all wrong options are named at once', () => {
  const wrong = {
    logger: {},
    level: 'loud',
    failureLevel: 5,
    failuresOnly: 1,
    sample: 2,
    maxPerSecond: -1,
    describe: 'x',
  }
  const problemsOf = (given: unknown) => {
    try {
      logSendResults(given as never)
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ option }) => option)
    }
    return undefined
  }

  expect(problemsOf(wrong)).toEqual(Object.keys(wrong))
  expect(problemsOf(undefined)).toEqual(['options'])
  expect(problemsOf({ logger, sample: Number.NaN })).toEqual(['sample'])
})

describe('in a producer', () => {
  const canary = 'canary-5f21'

  test('each result is logged; of keys, values and headers nothing, unless it is asked for', async () => {
    const described = new MockProducer({
      clientId: 'p',
      interceptors: [logSendResults({ logger, describe: ({ key }) => ({ order: key, extra: { a: 1 } }) })],
    })
    const plain = new MockProducer({ clientId: 'q', interceptors: [logSendResults({ logger })] })

    await described.send({ topic: 'orders', key: 'o-17', value: canary })
    for (const topic of ['orders', canary.repeat(50), '{"no":"topic"}'])
      await plain.send({ topic, key: canary, value: canary, headers: { [canary]: canary } }).catch(() => {})
    await plain.send({ topic: 'orders', partition: canary as never }).catch(() => {})

    expect(lines[0]!.message).toMatch(/^orders-0 has it at offset 0 after \d+ ms; order=o-17, extra=\{"a":1\}$/)
    expect(lines[0]!.fields).toMatchObject({ clientId: 'p', record: { order: 'o-17', extra: { a: 1 } } })
    expect(lines.map(({ fields }) => fields.code)).toEqual([
      ...[undefined, undefined],
      ...['INVALID_TOPIC', 'INVALID_TOPIC', 'INVALID_PARTITION'],
    ])
    expect(lines[2]!.message).toMatch(/^a record without a topic that could be one failed after .* INVALID_TOPIC$/)
    expect(JSON.stringify(lines)).not.toContain('canary')
  })

  test('what was described belongs to its record, in whatever order results come', async () => {
    const mock = new MockProducer({
      autoComplete: false,
      interceptors: [logSendResults({ logger, describe: ({ value }) => ({ value }) })],
    })
    const sends = ['a', 'b', 'c'].map(value => mock.send({ topic: 'orders', value }).catch(error => error))
    const refused = mock.send({ topic: 'orders', value: 'd', timestamp: -5 }).catch(error => error)

    mock.completeNext()
    mock.errorNext(new KafkaError('NOT_ENOUGH_REPLICAS', 'no', { outcome: 'not-written' }))
    mock.completeNext()
    await Promise.all([...sends, refused])

    const told = lines.map(
      ({ fields }) => `${(fields.record as { value: string }).value} ${fields.code ?? fields.offset}`,
    )
    expect(told.toSorted()).toEqual(['a 0', 'b NOT_ENOUGH_REPLICAS', 'c 1', 'd INVALID_TIMESTAMP'])
  })

  test('a describe that throws is reported, and the record is sent and logged without it', async () => {
    const errors: string[] = []
    const mock = new MockProducer({
      interceptors: [
        logSendResults({
          logger,
          describe: () => {
            throw new Error('no')
          },
        }),
      ],
    })
    mock.on('error', ({ code }) => void errors.push(code))

    await mock.send({ topic: 'orders', value: 'x' })

    expect(errors).toEqual(['INTERCEPTOR_FAILED'])
    expect(lines).toHaveLength(1)
  })

  test('closing tells the interceptor, after all results', async () => {
    const mock = new MockProducer({ autoComplete: false, interceptors: [logSendResults({ logger, maxPerSecond: 1 })] })
    for (let n = 0; n < 5; n++) mock.send({ topic: 'orders', value: 'x' })

    await mock.close()

    expect(lines.at(-1)!.message).toBe('and 4 more records acknowledged in this second')
  })
})
