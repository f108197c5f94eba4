// The operations in the API of kafkajs, which Confluent's client offers as well; where the two differ, a `way` tells how.
import { base64Of, bytesOf, once } from './program.mjs'

export function kafkaJsOperations(way) {
  const messageOf = ({ key, value, headers, timestamp }) => ({
    partition: 0,
    key: bytesOf(key),
    value: bytesOf(value),
    headers: Object.fromEntries(headers.map(([name, each]) => [name, bytesOf(each)])),
    timestamp: String(timestamp),
  })

  const recordOf = ({ key, value, headers = {}, timestamp }) => ({
    key: base64Of(key),
    value: base64Of(value),
    headers: Object.entries(headers).flatMap(([name, each]) => [each].flat().map(one => [name, base64Of(one)])),
    timestamp: Number(timestamp),
  })

  /** Reads so many records and leaves, having committed them where that was asked for. */
  async function read(consumer, { topic, count }, commits) {
    const found = []
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], ...way.subscription })
    await once((resolve, reject) => {
      way.onCrash?.(consumer, reject)
      return consumer.run({
        ...way.running,
        eachMessage: async ({ partition, message }) => {
          if (found.length === count) return
          found.push(recordOf(message))
          if (commits) await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
          if (found.length === count) resolve()
        },
      })
    })
    await consumer.disconnect()
    return found
  }

  async function withAdmin(brokers, act) {
    const admin = way.admin(brokers)
    await admin.connect()
    try {
      return await act(admin)
    } finally {
      await admin.disconnect()
    }
  }

  return {
    async produce(brokers, { topic, codec, idempotent, records }) {
      const { compression } = way.send
      const producer = way.producer(brokers, { idempotent, codec })
      await producer.connect()
      await producer.send({ topic, messages: records.map(messageOf), ...compression?.(codec) })
      await producer.disconnect()
    },

    consume: (brokers, task) =>
      read(way.consumer(brokers, task.group, { readUncommitted: task.isolation === 'read_uncommitted' }), task, false),

    group: (brokers, task) => read(way.consumer(brokers, task.group), task, true),

    async share(brokers, { topic, group, partitions }) {
      const members = [way.consumer(brokers, group), way.consumer(brokers, group)]
      const shares = await once(async resolve => {
        const assigned = members.map(() => [])
        const settle = () => {
          const all = assigned.flat()
          if (all.length === partitions && assigned.every(each => each.length > 0)) resolve(assigned)
        }
        way.onAssignment(members, topic, (at, now) => {
          assigned[at] = now
          settle()
        })
        for (const member of members) {
          await member.connect()
          await member.subscribe({ topics: [topic], ...way.subscription })
          await member.run({ eachMessage: async () => {} })
        }
      })
      await Promise.all(members.map(member => member.disconnect()))
      return shares
    },

    async transactions(brokers, { topic, transactionalId, values }) {
      const producer = way.producer(brokers, { transactionalId })
      await producer.connect()
      for (const [at, each] of values.entries()) {
        const transaction = await producer.transaction()
        await transaction.send({ topic, messages: each.map(value => ({ partition: 0, value })) })
        if (at % 2 === 0) await transaction.commit()
        else await transaction.abort()
      }
      await producer.disconnect()
    },

    async copy(brokers, { source, target, group, transactionalId, count }) {
      const producer = way.producer(brokers, { transactionalId })
      const consumer = way.consumer(brokers, group)
      await Promise.all([producer.connect(), consumer.connect()])
      await consumer.subscribe({ topics: [source], ...way.subscription })
      const messages = []
      await once(resolve =>
        consumer.run({
          ...way.running,
          eachMessage: async ({ message }) => {
            if (messages.push({ partition: 0, value: message.value }) === count) resolve()
          },
        }),
      )
      const transaction = await producer.transaction()
      await transaction.send({ topic: target, messages })
      const topics = [{ topic: source, partitions: [{ partition: 0, offset: String(count) }] }]
      await transaction.sendOffsets({ ...way.offsetsOf(group, consumer), topics })
      await transaction.commit()
      await Promise.all([producer.disconnect(), consumer.disconnect()])
    },

    createTopic: (brokers, { topic, partitions, config, morePartitions }) =>
      withAdmin(brokers, async admin => {
        const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
        await admin.createTopics({
          topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }],
        })
        if (admin.createPartitions) {
          await admin.createPartitions({ topicPartitions: [{ topic, count: morePartitions }] })
        }
        const listed = (await admin.listTopics()).includes(topic)
        const metadata = await admin.fetchTopicMetadata({ topics: [topic] })
        return { listed, partitions: (metadata.topics ?? metadata)[0].partitions.length }
      }),

    deleteTopic: (brokers, { topic }) => withAdmin(brokers, admin => admin.deleteTopics({ topics: [topic] })),

    configs: (brokers, { topic, name, value }) =>
      withAdmin(brokers, async admin => {
        const before = await way.configs(admin, topic, name, value)
        return { before, after: await way.configs(admin, topic, name) }
      }),

    offsets: (brokers, { topic, timestamp }) =>
      withAdmin(brokers, async admin => {
        const [ends] = await admin.fetchTopicOffsets(topic)
        const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp)
        return { earliest: Number(ends.low), latest: Number(ends.high), atTimestamp: Number(found.offset) }
      }),

    groups: (brokers, { topic, group }) =>
      withAdmin(brokers, async admin => {
        const listed = async () => (await admin.listGroups()).groups.some(each => each.groupId === group)
        const before = await listed()
        const [described] = (await admin.describeGroups([group])).groups
        const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
        await admin.deleteGroups([group])
        return {
          listed: before,
          state: way.stateName?.(described.state) ?? described.state,
          members: described.members.length,
          committed: Number(offsets.partitions[0].offset),
          listedAfterwards: await listed(),
        }
      }),

    deleteRecords: (brokers, { topic, before }) =>
      withAdmin(brokers, async admin => {
        await admin.fetchTopicOffsets(topic) // kafkajs deletes only from topics that it has looked up
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(before) }] })
      }),
  }
}
