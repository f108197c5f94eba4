import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KafkaError, type Outcome } from '../../base/errors/index.ts'
import type { RecordListener } from '../accumulator/batch.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { SendAllError, sendEach } from './send-all.ts'

type Done = (error: KafkaError | null, metadata?: RecordMetadata) => void

const sendAll = <R>(records: Iterable<R>, send: (record: R, done: Done) => void) =>
  new Promise<RecordMetadata[]>((resolve, reject) =>
    sendEach(
      records,
      (record, listener: RecordListener) => send(record, (error, metadata) => listener.settled(error, metadata)),
      { resolve, reject },
    ),
  )

const metadataOf = (n: number) => ({ offset: BigInt(n) }) as RecordMetadata
const errorOf = (n: number, outcome: Outcome = 'not-written', retriable = false) =>
  new KafkaError('BAD', `record ${n} failed`, { outcome, retriable })

test('results stand in the order given, whichever comes first', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 40 }), async records => {
      const waiting: (() => void)[] = []
      const promise = sendAll(records.entries(), ([n, [fails]], done: Done) => {
        waiting.push(() => (fails ? done(errorOf(n)) : done(null, metadataOf(n))))
      })
      const order = records.map(([, weight], n) => ({ n, weight })).toSorted((a, b) => a.weight - b.weight)
      for (const { n } of order) waiting[n]!()

      if (records.some(([fails]) => fails)) {
        const error = await promise.then(
          () => undefined,
          reason => reason,
        )
        expect(error).toBeInstanceOf(SendAllError)
        expect((error as SendAllError).results.map(result => result.error?.message ?? result.metadata?.offset)).toEqual(
          records.map(([fails], n) => (fails ? `record ${n} failed` : BigInt(n))),
        )
      } else expect(await promise).toEqual(records.map((_, n) => metadataOf(n)))
    }),
    { numRuns: 60 },
  )
})

test('none to send is no failure', async () => {
  expect(await sendAll([], () => {})).toEqual([])
})

test('callbacks that come before send returns are results like others', async () => {
  const result = await sendAll([0, 1, 2], (n, done: Done) => done(null, metadataOf(n)))
  expect(result).toHaveLength(3)
})

test.each([
  { outcomes: ['not-written', 'not-written'], outcome: 'not-written', retriable: [true, true], all: true },
  { outcomes: ['not-written', 'unknown'], outcome: 'unknown', retriable: [true, false], all: false },
] as const)('the whole is $outcome where its records are $outcomes', async ({ outcomes, outcome, retriable, all }) => {
  const error = await sendAll([0, 1, 2], (n, done: Done) =>
    n === 2 ? done(null, metadataOf(n)) : done(errorOf(n, outcomes[n as 0 | 1], retriable[n as 0 | 1])),
  ).catch(reason => reason)
  expect(error).toMatchObject({ code: 'SEND_ALL', outcome, retriable: all })
  expect(error.message).toContain('2 of 3')
  expect(error.cause).toMatchObject({ message: 'record 0 failed' })
})
