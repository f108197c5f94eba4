import { expect, test } from 'vitest'
import { until } from '../../scripts/kafka/admin.mjs'
import { createProducer, type ProducerOptions } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { SendLedger } from '../outage/send-ledger.ts'

/** `npm run prove:outage` takes the 40 seconds and the producer's defaults; a run of all tests is content with less. */
const isProof = process.env.OTTLA_OUTAGE === 'full'
const recordCount = 100_000
const pauseMs = isProof ? 40_000 : 6_000
/** A machine that runs three brokers and the tests is late now and then. */
const slackMs = 5_000
const timeoutMs = 10 * 60_000

const quick: Partial<ProducerOptions> = isProof ? {} : { requestTimeoutMs: 3_000 }
/** Shorter than the 4 s after which another broker leads: else that one takes the records, and nothing fails. */
const shorterThanFailover = { deliveryTimeoutMs: 2_500, requestTimeoutMs: 1_500 }
const impatient = isProof ? { deliveryTimeoutMs: 15_000, requestTimeoutMs: 10_000 } : shorterThanFailover

/** Like SIGSTOP. The embedded brokers have no controller that would take a hung one's leaderships away: they stay. */
async function leaderOf(kafka: BrokerUnderTest, topic: string): Promise<number> {
  return kafka.embedded ? kafka.embedded.partition(topic, 0).leader : await kafka.cluster!.leaderOf(topic)
}

function pause(kafka: BrokerUnderTest, id: number): void {
  if (kafka.embedded) kafka.embedded.pause(id)
  else kafka.cluster!.pauseNode(id)
}

async function resume(kafka: BrokerUnderTest, id: number, topic: string): Promise<void> {
  if (kafka.embedded) kafka.embedded.resume(id)
  else {
    kafka.cluster!.resumeNode(id)
    await kafka.cluster!.allInSync(topic)
  }
}

async function killAll(kafka: BrokerUnderTest): Promise<void> {
  if (kafka.embedded) await Promise.all([...kafka.embedded.ports.keys()].map(id => kafka.embedded!.stop(id)))
  else await Promise.all(kafka.cluster!.nodeIds.map(id => kafka.cluster!.killNode(id)))
}

async function startAll(kafka: BrokerUnderTest, topic: string): Promise<void> {
  if (kafka.embedded) {
    await Promise.all([...kafka.embedded.ports.keys()].map(id => kafka.embedded!.start(id)))
    return
  }
  // Two of three are a quorum: alone, none of them gets ready.
  await Promise.all(kafka.cluster!.nodeIds.map(id => kafka.cluster!.startNode(id)))
  await kafka.cluster!.allInSync(topic)
}

const tell = (kafka: BrokerUnderTest, what: string, ledger: SendLedger) =>
  isProof && console.log(`${kafka.kind} ${kafka.version ?? ''}: ${what}: ${JSON.stringify(ledger.summary)}`)

describeOnEachBroker(
  'Outage',
  ({ kafka }) => {
    test(
      `${recordCount} records, and one of three brokers hangs for ${pauseMs / 1000} s: all acknowledged, once, in order, in time`,
      async () => {
        const topic = await kafka.createTopic({ partitions: 6 })
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, ...quick })
        const ledger = new SendLedger(producer, topic)
        ledger.send(10_000)
        await ledger.allSettled()
        const hung = await leaderOf(kafka, topic)

        ledger.send(10_000)
        pause(kafka, hung)
        await ledger.sendOver(pauseMs, recordCount - 20_000)
        await resume(kafka, hung, topic)
        await ledger.allSettled()

        tell(kafka, 'one hangs', ledger)
        expect(ledger.violations(await kafka.readBack(topic), 120_000 + slackMs)).toEqual([])
        expect(ledger.summary).toMatchObject({ sent: recordCount, acknowledged: recordCount })
        const metrics = producer.metrics()
        expect(metrics['buffer-available-bytes']).toBe(metrics['buffer-total-bytes'])
      },
      timeoutMs,
    )

    test(
      `${recordCount} records with a delivery time-out shorter than the ${pauseMs / 1000} s that a broker hangs: true outcomes, in time`,
      async () => {
        const topic = await kafka.createTopic({ partitions: 6 })
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, ...shorterThanFailover })
        const ledger = new SendLedger(producer, topic)
        ledger.send(10_000)
        await ledger.allSettled()
        const hung = await leaderOf(kafka, topic)

        pause(kafka, hung)
        await ledger.sendOver(pauseMs, recordCount - 20_000)
        await resume(kafka, hung, topic)
        ledger.send(10_000)
        await ledger.allSettled()

        tell(kafka, 'one hangs, short delivery time-out', ledger)
        expect(ledger.violations(await kafka.readBack(topic), shorterThanFailover.deliveryTimeoutMs + slackMs)).toEqual(
          [],
        )
        const { sent, acknowledged, unknown, 'not-written': notWritten } = ledger.summary
        expect(acknowledged + unknown + notWritten).toBe(sent)
        expect(unknown + notWritten).toBeGreaterThan(0)
        expect(ledger.sends.at(-1)?.metadata).toBeDefined()
      },
      timeoutMs,
    )

    test(
      'all brokers killed past the delivery time-out: each send settles once, in time and truly, and sending goes on',
      async () => {
        const topic = await kafka.createTopic({ partitions: 6 })
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, ...impatient })
        const ledger = new SendLedger(producer, topic)
        ledger.send(10_000)
        await ledger.allSettled()

        ledger.send(5_000)
        await killAll(kafka)
        await ledger.sendOver(impatient.deliveryTimeoutMs * 2, 20_000)
        const flushedAt = performance.now()
        const flush = await producer.flush({ timeoutMs: 200 }).then(
          () => undefined,
          error => error.code,
        )
        expect(performance.now() - flushedAt).toBeLessThan(200 + slackMs)
        expect(flush).toBe('TIMEOUT')
        await ledger.allSettled()
        const { 'not-written': notWritten } = ledger.summary
        await startAll(kafka, topic)
        await until('a record is acknowledged again', () =>
          producer.send({ topic, value: '0:probe' }).then(
            () => true,
            () => false,
          ),
        )
        const before = ledger.summary.acknowledged
        ledger.send(5_000)
        await ledger.allSettled()

        tell(kafka, 'all killed', ledger)
        expect(notWritten).toBeGreaterThan(10_000)
        expect(ledger.summary.acknowledged - before).toBe(5_000)
        const log = (await kafka.readBack(topic)).filter(({ value }) => String(value) !== '0:probe')
        expect(ledger.violations(log, impatient.deliveryTimeoutMs + slackMs)).toEqual([])
      },
      timeoutMs,
    )
  },
  { stopsBrokers: true },
)
