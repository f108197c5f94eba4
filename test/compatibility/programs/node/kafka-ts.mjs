import { answer, base64Of, load, once, textOf } from './program.mjs'

const {
  default: { API, createKafkaClient, setLogger },
} = await load('kafka-ts')

const quiet = () => {}
setLogger({ debug: quiet, info: quiet, warn: quiet, error: (...said) => console.error(...said), setLevel: quiet })

const addressOf = server => {
  const colon = server.lastIndexOf(':')
  return { host: server.slice(0, colon), port: Number(server.slice(colon + 1)) }
}
const clientOf = brokers => createKafkaClient({ clientId: 'kafka-ts', bootstrapServers: brokers.map(addressOf) })

const recordOf = ({ key, value, headers, timestamp }) => ({
  key: base64Of(key),
  value: base64Of(value),
  headers: Object.entries(headers).map(([name, each]) => [name, base64Of(each)]),
  timestamp: Number(timestamp),
})

async function read(brokers, { topic, group, count, isolation }, { commits }) {
  const found = []
  let consumer
  await once((resolve, reject) =>
    clientOf(brokers)
      .startConsumer({
        topics: [topic],
        groupId: commits ? group : null,
        fromBeginning: true,
        maxWaitMs: 50,
        isolationLevel: isolation === 'read_uncommitted' ? 0 : 1,
        onBatch: messages => {
          found.push(...messages.map(recordOf))
          if (found.length >= count) resolve()
        },
      })
      .then(started => {
        consumer = started
      }, reject),
  )
  await consumer.close()
  return found
}

async function withCluster(brokers, act) {
  const cluster = clientOf(brokers).createCluster()
  await cluster.connect()
  try {
    return await act(cluster)
  } finally {
    await cluster.disconnect()
  }
}

const metadata = (cluster, topic) =>
  cluster.sendRequest(API.METADATA, {
    allowTopicAutoCreation: false,
    includeTopicAuthorizedOperations: false,
    topics: topic === undefined ? null : [{ id: null, name: topic }],
  })

await answer({
  async produce(brokers, { topic, records }) {
    const producer = clientOf(brokers).createProducer({})
    await producer.send(
      records.map(({ key, value, headers, timestamp }) => ({
        topic,
        partition: 0,
        key: textOf(key),
        value: textOf(value),
        headers: Object.fromEntries(headers.map(([name, each]) => [name, textOf(each)])),
        timestamp: BigInt(timestamp),
      })),
    )
    await producer.close()
  },

  consume: (brokers, task) => read(brokers, task, { commits: false }),
  group: (brokers, task) => read(brokers, task, { commits: true }),

  createTopic: (brokers, { topic, partitions, config, morePartitions }) =>
    withCluster(brokers, async cluster => {
      const { controllerId } = await metadata(cluster, undefined)
      const send = cluster.sendRequestToNode(controllerId)
      const configs = Object.entries(config).map(([name, value]) => ({ name, value }))
      await send(API.CREATE_TOPICS, {
        validateOnly: false,
        timeoutMs: 10_000,
        topics: [{ name: topic, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }],
      })
      await send(API.CREATE_PARTITIONS, {
        validateOnly: false,
        timeoutMs: 10_000,
        topics: [{ name: topic, count: morePartitions, assignments: null }],
      })
      const listed = (await metadata(cluster, undefined)).topics.some(each => each.name === topic)
      const [found] = (await metadata(cluster, topic)).topics
      return { listed, partitions: found.partitions.length }
    }),

  deleteTopic: (brokers, { topic }) =>
    withCluster(brokers, async cluster => {
      const { controllerId } = await metadata(cluster, undefined)
      const topics = [{ name: topic, topicId: null }]
      await cluster.sendRequestToNode(controllerId)(API.DELETE_TOPICS, { topics, timeoutMs: 10_000 })
    }),
})
