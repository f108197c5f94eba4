import { camelCase } from './option-names.ts'

/** An option that is known and not taken, with the words that say so after its name. */
export interface RefusedOption {
  readonly kafkaName: string
  readonly kind: 'later' | 'jvm' | 'consumer'
  readonly because: string
}

function later(what: string, names: readonly string[]): RefusedOption[] {
  return names.map(kafkaName => ({
    kafkaName,
    kind: 'later',
    because: `belongs to ${what}, which this version does not speak yet`,
  }))
}

function jvm(because: string, names: readonly string[]): RefusedOption[] {
  return names.map(kafkaName => ({ kafkaName, kind: 'jvm', because: `works in a JVM only; ${because}` }))
}

const consumer = (names: readonly string[]): RefusedOption[] =>
  names.map(kafkaName => ({
    kafkaName,
    kind: 'consumer',
    because: 'belongs to a consumer; a producer has no use for it',
  }))

/** Source: ProducerConfig.java and ConsumerConfig.java of Kafka 4.3.1, without what the option table holds. */
const list: readonly RefusedOption[] = [
  ...later('two-phase commit', ['transaction.two.phase.commit.enable']),
  ...later('TLS', [
    'ssl.protocol',
    'ssl.enabled.protocols',
    'ssl.cipher.suites',
    'ssl.endpoint.identification.algorithm',
    'ssl.keystore.type',
    'ssl.keystore.location',
    'ssl.keystore.password',
    'ssl.keystore.key',
    'ssl.keystore.certificate.chain',
    'ssl.key.password',
    'ssl.truststore.type',
    'ssl.truststore.location',
    'ssl.truststore.password',
    'ssl.truststore.certificates',
  ]),
  ...later('SASL', [
    'sasl.mechanism',
    'sasl.jaas.config',
    'sasl.kerberos.service.name',
    'sasl.login.connect.timeout.ms',
    'sasl.login.read.timeout.ms',
    'sasl.login.refresh.buffer.seconds',
    'sasl.login.refresh.min.period.seconds',
    'sasl.login.refresh.window.factor',
    'sasl.login.refresh.window.jitter',
    'sasl.login.retry.backoff.max.ms',
    'sasl.login.retry.backoff.ms',
    'sasl.oauthbearer.assertion.algorithm',
    'sasl.oauthbearer.assertion.claim.aud',
    'sasl.oauthbearer.assertion.claim.exp.seconds',
    'sasl.oauthbearer.assertion.claim.iss',
    'sasl.oauthbearer.assertion.claim.jti.include',
    'sasl.oauthbearer.assertion.claim.nbf.seconds',
    'sasl.oauthbearer.assertion.claim.sub',
    'sasl.oauthbearer.assertion.file',
    'sasl.oauthbearer.assertion.private.key.file',
    'sasl.oauthbearer.assertion.private.key.passphrase',
    'sasl.oauthbearer.assertion.template.file',
    'sasl.oauthbearer.client.credentials.client.id',
    'sasl.oauthbearer.client.credentials.client.secret',
    'sasl.oauthbearer.clock.skew.seconds',
    'sasl.oauthbearer.expected.audience',
    'sasl.oauthbearer.expected.issuer',
    'sasl.oauthbearer.header.urlencode',
    'sasl.oauthbearer.jwks.endpoint.refresh.ms',
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms',
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms',
    'sasl.oauthbearer.jwks.endpoint.url',
    'sasl.oauthbearer.scope',
    'sasl.oauthbearer.scope.claim.name',
    'sasl.oauthbearer.sub.claim.name',
    'sasl.oauthbearer.token.endpoint.url',
  ]),
  ...later('Kafka 4.4', [
    'client.rack',
    'partitioner.rack.aware',
    'bootstrap.resolve.timeout.ms',
    'metadata.cluster.check.enable',
  ]),
  ...jvm(`use partitioner: 'murmur2', 'roundRobin', 'random', 'crc32' or a function`, ['partitioner.class']),
  ...jvm('use interceptors: an array of objects', ['interceptor.classes']),
  ...jvm('read producer.metrics()', ['metric.reporters', 'auto.include.jmx.reporter']),
  ...jvm('read the value yourself and give it as the option', ['config.providers']),
  ...jvm(`Node's own OpenSSL does the cryptography; leave it out`, [
    'security.providers',
    'ssl.engine.factory.class',
    'ssl.provider',
    'ssl.secure.random.implementation',
    'ssl.keymanager.algorithm',
    'ssl.trustmanager.algorithm',
  ]),
  ...jvm('a login class cannot be loaded here; leave it out', [
    'sasl.client.callback.handler.class',
    'sasl.login.callback.handler.class',
    'sasl.login.class',
    'sasl.oauthbearer.jwt.retriever.class',
    'sasl.oauthbearer.jwt.validator.class',
  ]),
  ...jvm('tickets are kept by the system (kinit, k5start); leave it out', [
    'sasl.kerberos.kinit.cmd',
    'sasl.kerberos.min.time.before.relogin',
    'sasl.kerberos.ticket.renew.jitter',
    'sasl.kerberos.ticket.renew.window.factor',
  ]),
  ...jvm('memory of a batch always grows with its content here; leave it out', ['buffer.memory.allocation.strategy']),
  ...consumer([
    'allow.auto.create.topics',
    'auto.commit.interval.ms',
    'auto.offset.reset',
    'check.crcs',
    'default.api.timeout.ms',
    'enable.auto.commit',
    'exclude.internal.topics',
    'fetch.max.bytes',
    'fetch.max.wait.ms',
    'fetch.min.bytes',
    'group.id',
    'group.instance.id',
    'group.protocol',
    'group.remote.assignor',
    'heartbeat.interval.ms',
    'isolation.level',
    'key.deserializer',
    'max.partition.fetch.bytes',
    'max.poll.interval.ms',
    'max.poll.records',
    'partition.assignment.strategy',
    'session.timeout.ms',
    'share.acknowledgement.mode',
    'share.acquire.mode',
    'value.deserializer',
  ]),
]

/** By the name in camelCase. */
export const refusedOptions: ReadonlyMap<string, RefusedOption> = new Map(
  list.map(row => [camelCase(row.kafkaName), row]),
)
