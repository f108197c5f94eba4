import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { CommitUnknownError, createProducer, type KafkaError, type TransactionalProducer } from '../../src/index.ts'
import { committedValues } from './committed.ts'

/**
 * Answers to EndTxn that are lost, come too late, or never: what is reported of each transaction against what a reader of
 * committed records sees. `OTTLA_ENDS` sets how many transactions of each kind there are, `OTTLA_SEED` which ones.
 */
const runs = Number(process.env.OTTLA_ENDS ?? 40)
const seed = Number(process.env.OTTLA_SEED ?? 1)

const requestTimeoutMs = 40

const kinds: Record<string, (broker: Broker, times: number, random: Random) => void> = {
  'lost behind the decision': (broker, times) => broker.faults.loseAnswerAfterAppend('EndTxn', { times }),
  'delayed past the time-out': (broker, times, random) => {
    // Decided at once and told too late, or decided when the producer has asked again.
    const phase = random() < 0.5 ? 'before' : 'after'
    broker.faults.delay('EndTxn', requestTimeoutMs * (1.2 + random()), { times, phase })
  },
  'reset before the decision': (broker, times) => broker.faults.closeBefore('EndTxn', { reset: true, times }),
  'never given': (broker, times, random) => {
    if (random() < 0.5) broker.faults.swallowAnswer('EndTxn', { times })
    else broker.faults.ignore('EndTxn', { times })
  },
}

type Report = 'committed' | 'aborted' | 'unknown'

/** One transaction; what its caller was told in the end. */
async function oneTransaction(producer: TransactionalProducer, value: string, random: Random): Promise<Report> {
  const isCommit = random() < 0.5
  const count = 1 + Math.floor(random() * 3)
  producer.beginTransaction()
  for (let index = 0; index < count; index++) producer.send({ topic: 't', value: `${value} ${index}/${count}` })
  await producer.flush()
  // Some callers are patient, others are not, and ask again, or never.
  const isHasty = random() < 0.5
  const asksAgain = random() < 0.7
  const timeoutMs = isHasty ? Math.floor(random() ** 3 * 2 * requestTimeoutMs) : 10_000
  if (!isCommit) {
    await producer.abortTransaction({ timeoutMs }).catch(() => producer.abortTransaction())
    return 'aborted'
  }
  try {
    await producer.commitTransaction({ timeoutMs })
    return 'committed'
  } catch (error) {
    if (!(error instanceof CommitUnknownError)) {
      // Given up before the cluster was asked.
      expect((error as KafkaError).code).toBe('TIMEOUT')
      await producer.abortTransaction()
      return 'aborted'
    }
    if (!asksAgain) return 'unknown'
    await producer.commitTransaction()
    return 'committed'
  }
}

test.each(([2, 1] as const).flatMap(version => Object.keys(kinds).map(kind => [version, kind] as const)))(
  'transaction.version %i: the answer to EndTxn is %s: what is reported is what is there',
  { timeout: 30_000 + runs * 200 },
  async (transactionVersion, kind) => {
    const random = seededRandom(seed)
    const broker = await startBroker({ topics: { t: { partitions: 2 } }, transactionVersion, seed })
    const open = () =>
      createProducer({
        bootstrapServers: broker.bootstrapServers,
        ...{ transactionalId: 'a', requestTimeoutMs, lingerMs: 0, retryBackoffMs: 1, retryBackoffMaxMs: 5 },
        ...{ reconnectBackoffMs: 1, reconnectBackoffMaxMs: 5 },
      })
    let producer = open()
    const reports: Report[] = []
    try {
      await producer.initTransactions()
      for (let run = 0; run < runs; run++) {
        kinds[kind]!(broker, 1 + Math.floor(random() * 4), random)
        const report = await oneTransaction(producer, `${run}`, random)
        reports.push(report)
        broker.faults.clear()
        if (report === 'unknown') {
          await producer.close({ timeoutMs: 0 })
          producer = open()
          await producer.initTransactions()
        }
      }
    } finally {
      await producer.close()
    }

    const seen = new Map<number, number>()
    for (const value of await committedValues(broker.bootstrapServers, 't')) {
      const run = Number.parseInt(value, 10)
      seen.set(run, (seen.get(run) ?? 0) + 1)
    }
    const whole = new Map<number, number>()
    for (const { value } of broker.records('t'))
      whole.set(Number.parseInt(String(value), 10), Number(String(value).split('/')[1]))
    const matrix = {
      committed: { there: 0, missing: 0 },
      aborted: { there: 0, missing: 0 },
      unknown: { there: 0, missing: 0 },
    }
    const torn: number[] = []
    reports.forEach((report, run) => {
      const count = seen.get(run) ?? 0
      if (count !== 0 && count !== whole.get(run)) torn.push(run)
      matrix[report][count === 0 ? 'missing' : 'there']++
    })
    await broker.close()

    expect({ torn, matrix }).toEqual({
      torn: [],
      matrix: {
        committed: { there: expect.any(Number), missing: 0 },
        aborted: { there: 0, missing: expect.any(Number) },
        unknown: { there: expect.any(Number), missing: expect.any(Number) },
      },
    })
    if (process.env.OTTLA_SHOW !== undefined) console.log(transactionVersion, kind, JSON.stringify(matrix))
    if (runs < 200) return
    // The faults were felt, and each kind of report is among the results.
    expect(matrix.committed.there).toBeGreaterThan(runs / 5)
    expect(matrix.aborted.missing).toBeGreaterThan(runs / 5)
    expect(matrix.unknown.there + matrix.unknown.missing).toBeGreaterThan(0)
  },
)
