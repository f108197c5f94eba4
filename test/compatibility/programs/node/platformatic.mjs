import { answer, base64Of, bytesOf, load, once } from './program.mjs'

const { Admin, ConfigResourceTypes, Consumer, IncrementalAlterConfigOperationTypes, Producer, ProduceAcks } =
  await load('@platformatic/kafka')

const producerOf = (bootstrapBrokers, options = {}) =>
  new Producer({ clientId: 'platformatic', bootstrapBrokers, acks: ProduceAcks.ALL, ...options })

const consumerOf = (bootstrapBrokers, groupId, options = {}) =>
  new Consumer({ clientId: 'platformatic', bootstrapBrokers, groupId, maxWaitTime: 50, ...options })

const messageOf = (topic, { key, value, headers, timestamp }) => ({
  topic,
  partition: 0,
  key: bytesOf(key) ?? undefined,
  value: bytesOf(value) ?? undefined,
  headers: new Map(headers.map(([name, each]) => [Buffer.from(name), bytesOf(each)])),
  timestamp: BigInt(timestamp),
})

const recordOf = ({ key, value, headers, timestamp }) => ({
  key: base64Of(key),
  value: base64Of(value),
  headers: [...headers].map(([name, each]) => [name.toString(), base64Of(each)]),
  timestamp: Number(timestamp),
})

/** The first so many messages of a stream, which stays open. */
const take = (stream, count) =>
  once((resolve, reject) => {
    const found = []
    stream.on('error', reject)
    stream.on('data', message => {
      if (found.length < count && found.push(message) === count) resolve(found)
    })
  })

async function withAdmin(bootstrapBrokers, act) {
  const admin = new Admin({ clientId: 'platformatic', bootstrapBrokers })
  try {
    return await act(admin)
  } finally {
    await admin.close()
  }
}

await answer({
  async produce(brokers, { topic, codec, idempotent, records }) {
    const producer = producerOf(brokers, { idempotent })
    await producer.send({ messages: records.map(each => messageOf(topic, each)), compression: codec })
    await producer.close()
  },

  async consume(brokers, { topic, group, count, isolation }) {
    const isolationLevel = isolation === 'read_committed' ? 1 : 0
    const consumer = consumerOf(brokers, group)
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, isolationLevel })
    const found = await take(stream, count)
    await stream.close()
    await consumer.close(true)
    return found.map(recordOf)
  },

  async group(brokers, { topic, group, count }) {
    const consumer = consumerOf(brokers, group)
    const mode = { mode: 'committed', fallbackMode: 'earliest', autocommit: false }
    const stream = await consumer.consume({ topics: [topic], ...mode })
    const found = await take(stream, count)
    await found.at(-1).commit()
    await stream.close()
    await consumer.close(true)
    return found.map(recordOf)
  },

  async share(brokers, { topic, group, partitions }) {
    const members = [consumerOf(brokers, group), consumerOf(brokers, group)]
    const streams = []
    const shares = once(resolve => {
      const look = () => {
        const shared = members.map(each => each.assignments?.find(one => one.topic === topic)?.partitions ?? [])
        if (shared.flat().length === partitions && shared.every(each => each.length > 0)) resolve(shared)
      }
      for (const member of members) member.on('consumer:group:join', () => setImmediate(look))
    })
    for (const member of members) {
      const stream = await member.consume({ topics: [topic], mode: 'earliest', autocommit: false })
      stream.on('data', () => {})
      streams.push(stream)
    }
    const found = await shares
    for (const stream of streams) await stream.close()
    for (const member of members) await member.close(true)
    return found
  },

  async transactions(brokers, { topic, transactionalId, values }) {
    const producer = producerOf(brokers, { transactionalId, idempotent: true })
    for (const [at, each] of values.entries()) {
      const transaction = await producer.beginTransaction()
      await transaction.send({ messages: each.map(value => ({ topic, partition: 0, value: Buffer.from(value) })) })
      if (at % 2 === 0) await transaction.commit()
      else await transaction.abort()
    }
    await producer.close()
  },

  async copy(brokers, { source, target, group, transactionalId, count }) {
    const producer = producerOf(brokers, { transactionalId, idempotent: true })
    const consumer = consumerOf(brokers, group)
    const stream = await consumer.consume({ topics: [source], mode: 'earliest', autocommit: false })
    const found = await take(stream, count)
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    await transaction.send({ messages: found.map(({ value }) => ({ topic: target, partition: 0, value })) })
    await transaction.addOffset(found.at(-1))
    await transaction.commit()
    await stream.close()
    await consumer.close(true)
    await producer.close()
  },

  createTopic: (brokers, { topic, partitions, config, morePartitions }) =>
    withAdmin(brokers, async admin => {
      const configs = Object.entries(config).map(([name, value]) => ({ name, value }))
      await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
      await admin.createPartitions({ topics: [{ name: topic, count: morePartitions, assignments: null }] })
      const listed = (await admin.listTopics()).includes(topic)
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
      return { listed, partitions: metadata.topics.get(topic).partitionsCount }
    }),

  deleteTopic: (brokers, { topic }) => withAdmin(brokers, admin => admin.deleteTopics({ topics: [topic] })),

  configs: (brokers, { topic, name, value }) =>
    withAdmin(brokers, async admin => {
      const resourceType = ConfigResourceTypes.TOPIC
      const described = async () => {
        const resources = [{ resourceType, resourceName: topic, configurationKeys: [name] }]
        const [found] = await admin.describeConfigs({ resources })
        return found.configs.find(each => each.name === name).value
      }
      const before = await described()
      const configs = [{ name, value, configOperation: IncrementalAlterConfigOperationTypes.SET }]
      await admin.incrementalAlterConfigs({ resources: [{ resourceType, resourceName: topic, configs }] })
      return { before, after: await described() }
    }),

  offsets: (brokers, { topic, timestamp }) =>
    withAdmin(brokers, async admin => {
      const at = async time => {
        const partitions = [{ partitionIndex: 0, timestamp: BigInt(time) }]
        const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
        return found.partitions[0].offset
      }
      return { earliest: await at(-2), latest: await at(-1), atTimestamp: await at(timestamp) }
    }),

  groups: (brokers, { topic, group }) =>
    withAdmin(brokers, async admin => {
      const listed = (await admin.listGroups()).has(group)
      const described = (await admin.describeGroups({ groups: [group] })).get(group)
      const [offsets] = await admin.listConsumerGroupOffsets({ groups: [group] })
      const committed = offsets.topics.find(each => each.name === topic).partitions[0].committedOffset
      await admin.deleteGroups({ groups: [group] })
      const listedAfterwards = (await admin.listGroups()).has(group)
      // The library writes Kafka's states in capitals.
      const state = described.state.replace(/^(.)(.*)$/, (_, first, rest) => first.toUpperCase() + rest.toLowerCase())
      return { listed, state, members: described.members.size, committed, listedAfterwards }
    }),

  deleteRecords: (brokers, { topic, before }) =>
    withAdmin(brokers, admin =>
      admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: BigInt(before) }] }] }),
    ).then(() => null),
})
