import kafkajs from 'kafkajs'
import { kafkaJsOperations } from './kafkajs-api.mjs'
import { answer } from './program.mjs'

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel, Partitioners } = kafkajs
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }
const clientOf = brokers => new Kafka({ clientId: 'kafkajs', brokers, logLevel: logLevel.ERROR })

await answer(
  kafkaJsOperations({
    producer: (brokers, { transactionalId, idempotent } = {}) =>
      clientOf(brokers).producer({
        createPartitioner: Partitioners.DefaultPartitioner,
        ...(idempotent && { idempotent, maxInFlightRequests: 1 }),
        ...(transactionalId && { transactionalId, idempotent: true, maxInFlightRequests: 1 }),
      }),
    consumer: (brokers, groupId, { readUncommitted = false } = {}) =>
      clientOf(brokers).consumer({ groupId, readUncommitted, maxWaitTimeInMs: 100 }),
    subscription: { fromBeginning: true },
    running: { autoCommit: false },
    onCrash: (consumer, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => !payload.restart && reject(payload.error))
    },
    onAssignment: (members, topic, changed) => {
      members.forEach((member, at) => {
        member.on(member.events.GROUP_JOIN, ({ payload }) => changed(at, payload.memberAssignment[topic] ?? []))
      })
    },
    offsetsOf: consumerGroupId => ({ consumerGroupId }),
    send: { compression: codec => ({ compression: codecs[codec] }) },
    admin: brokers => clientOf(brokers).admin(),
    configs: async (admin, topic, name, value) => {
      const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }]
      const found = await admin.describeConfigs({ includeSynonyms: false, resources })
      if (value !== undefined) {
        const configEntries = [{ name, value }]
        const changed = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }]
        await admin.alterConfigs({ validateOnly: false, resources: changed })
      }
      return found.resources[0].configEntries.find(each => each.configName === name).configValue
    },
  }),
)
