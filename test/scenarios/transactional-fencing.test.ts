import { expect, test } from 'vitest'
import { createProducer, type KafkaError, type TransactionalProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { scanCommitted } from '../kafka/read-back.ts'
import { committedValues } from '../transactions/committed.ts'

const rounds = 200

const broken = (future: PromiseLike<unknown>): Promise<KafkaError | undefined> =>
  Promise.resolve(future).then(
    () => undefined,
    error => error,
  )

describeOnEachBroker('two producers with one transactional id', ({ kafka }) => {
  test(`${rounds} rounds: nothing of the fenced one is seen, and each of its calls fails for good`, {
    timeout: 180_000,
  }, async () => {
    const topic = await kafka.createTopic({ partitions: 3 })
    const transactionalId = `fencing-${process.pid}-${Date.now()}`
    const open = (name: string) =>
      createProducer({ bootstrapServers: kafka.bootstrapServers, transactionalId, clientId: name })
    const expected: string[] = []
    const wrong: string[] = []
    let zombie: TransactionalProducer = open('first')
    await zombie.initTransactions()
    for (let round = 0; round < rounds; round++) {
      zombie.beginTransaction()
      const hasSent = round % 4 !== 0
      if (hasSent) await zombie.send({ topic, value: `zombie ${round}` })
      const next = open(`after-${round}`)
      await next.initTransactions()
      next.beginTransaction()
      if (round % 2 === 0) await next.send({ topic, value: `mine ${round}` })
      // The old one wakes up, at different steps, while the new one is at work.
      const late = zombie.send({ topic, value: `late ${round}` })
      const errors: (KafkaError | undefined)[] = []
      if (round % 3 === 0) errors.push(await broken(late))
      errors.push(await broken(zombie.commitTransaction()))
      if (!errors.at(-1)?.fatal) {
        // A leader cannot tell a fenced producer from one whose transaction took too long (KIP-588); the coordinator can.
        if (!errors.at(-1)?.abortable) wrong.push(`${round}: ${errors.at(-1)?.message ?? 'committed'}`)
        errors.push(await broken(zombie.abortTransaction()))
      }
      if (errors.some(error => error === undefined) || !errors.at(-1)?.fatal)
        wrong.push(`${round}: ${errors.map(error => error?.message).join(' / ')}`)
      const startedAt = performance.now()
      for (const call of [zombie.commitTransaction(), zombie.abortTransaction(), zombie.send({ topic, value: 'x' })])
        if (!(await broken(call))?.fatal) wrong.push(`${round}: a call after it was fenced`)
      if (performance.now() - startedAt > 1000) wrong.push(`${round}: asked once more`)
      if (round % 2 === 1) await next.send({ topic, value: `mine ${round}` })
      await next.commitTransaction()
      expected.push(`mine ${round}`)
      await zombie.close()
      zombie = next
    }
    await zombie.close()

    expect(wrong).toEqual([])
    expect((await committedValues(kafka.bootstrapServers, topic)).sort()).toEqual(expected.sort())
    if (kafka.kind === 'embedded') return
    const read: string[] = []
    await scanCommitted(kafka.bootstrapServers, topic, expected.length, ({ value }) => read.push(String(value)))
    expect(read.sort()).toEqual(expected)
  })
})
