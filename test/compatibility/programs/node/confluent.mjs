import { kafkaJsOperations } from './kafkajs-api.mjs'
import { answer, load } from './program.mjs'

const {
  default: { KafkaJS },
} = await load('@confluentinc/kafka-javascript')
const { ConsumerGroupStates, Kafka, logLevel } = KafkaJS

const clientOf = brokers => new Kafka({ kafkaJS: { clientId: 'confluent', brokers, logLevel: logLevel.ERROR } })

function assignmentOf(member, topic) {
  try {
    const all = member.assignment()
    return all.filter(each => each.topic === topic).map(each => each.partition)
  } catch {
    return [] // it is not connected yet
  }
}

await answer(
  kafkaJsOperations({
    producer: (brokers, { transactionalId, idempotent, codec } = {}) =>
      clientOf(brokers).producer({
        'linger.ms': 5,
        ...(codec && { 'compression.type': codec }),
        ...(idempotent && { 'enable.idempotence': true }),
        ...(transactionalId && { 'transactional.id': transactionalId }),
      }),
    consumer: (brokers, groupId, { readUncommitted = false } = {}) =>
      clientOf(brokers).consumer({
        'group.id': groupId,
        'auto.offset.reset': 'earliest',
        'enable.auto.commit': false,
        'isolation.level': readUncommitted ? 'read_uncommitted' : 'read_committed',
        'fetch.wait.max.ms': 10,
      }),
    send: {},
    subscription: {},
    running: {},
    admin: brokers => clientOf(brokers).admin(),
    stateName: state =>
      Object.entries(ConsumerGroupStates)
        .find(([, value]) => value === state)?.[0]
        .toLowerCase()
        .replace(/^./, first => first.toUpperCase()),
    offsetsOf: (_, consumer) => ({ consumer }),
    onAssignment: (members, topic, changed) => {
      const timer = setInterval(() => {
        members.forEach((member, at) => {
          changed(at, assignmentOf(member, topic))
        })
      }, 50)
      timer.unref()
    },
  }),
)
