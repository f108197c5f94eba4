import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../base/errors/index.ts'
import { resolveOptions } from './options.ts'
import { fromProperties } from './properties.ts'
import { parseProperties } from './properties-syntax.ts'

function problemsOf(given: unknown): { option: string; message: string }[] {
  try {
    fromProperties(given as string)
  } catch (error) {
    if (error instanceof ConfigError && error.code === 'INVALID_CONFIG') return [...error.problems]
    throw error
  }
  throw new Error('these properties were taken')
}

describe('the syntax of .properties', () => {
  test.each([
    ['a=1', [['a', '1']]],
    ['a:1', [['a', '1']]],
    ['a 1', [['a', '1']]],
    ['  a \t=  1 2 ', [['a', '1 2 ']]],
    ['a==1', [['a', '=1']]],
    ['a : = 1', [['a', '= 1']]],
    ['a', [['a', '']]],
    ['=1', [['', '1']]],
    ['# a=1\n ! b=2\n\n \t\nc=3', [['c', '3']]],
    [
      'a=1\rb=2\r\nc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['a=1,\\\n   2,\\\r\n   # 3', [['a', '1,2,# 3']]],
    [
      'a=1\\\\\nb=2',
      [
        ['a', '1\\'],
        ['b', '2'],
      ],
    ],
    ['a=1\\', [['a', '1']]],
    ['\\\n# a=1', []],
    ['a\\\n# b', [['a#', 'b']]],
    ['# comment \\\na=1', [['a', '1']]],
    ['a\\ b\\=c\\:d=e', [['a b=c:d', 'e']]],
    ['a=\\t\\n\\r\\f\\q\\"', [['a', '\t\n\r\fq"']]],
    ['a=\\u00e4\\uD83D\\uDE00', [['a', 'ä😀']]],
    ['a=c:\\\\temp', [['a', 'c:\\temp']]],
    ['\ufeffa=1', [['a', '1']]],
    [
      'a=1\na=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['', []],
  ])('%j', (text, expected) => {
    expect(parseProperties(text).map(({ name, value }) => [name, value])).toEqual(expected)
  })

  test('entries know their line', () => {
    expect(parseProperties('# x\na=1,\\\n2\n\nb=3').map(({ name, line }) => [name, line])).toEqual([
      ['a', 2],
      ['b', 5],
    ])
  })

  test('a broken \\u names its line, and shows nothing of it', () => {
    expect(problemsOf('a=1\nssl.key.password=hunter2\\u12x4')).toEqual([
      { option: 'properties', message: 'line 2: \\u is not followed by four hexadecimal digits' },
    ])
  })
})

describe('fromProperties', () => {
  test('a file of a Java producer becomes options', () => {
    const options = fromProperties(`
      # the usual
      bootstrap.servers = kafka-1:9092,kafka-2:9092
      client.id=orders
      acks=all
      enable.idempotence: TRUE
      linger.ms 20
      batch.size=65536
      compression.type=zstd
      max.block.ms=9223372036854775807
      key.serializer=org.apache.kafka.common.serialization.StringSerializer
      value.serializer=org.apache.kafka.common.serialization.ByteArraySerializer
      partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner
      interceptor.classes=
      security.protocol=PLAINTEXT
    `)

    expect(options).toEqual({
      bootstrapServers: 'kafka-1:9092,kafka-2:9092',
      clientId: 'orders',
      acks: 'all',
      enableIdempotence: true,
      lingerMs: 20,
      batchSize: 65536,
      compressionType: 'zstd',
      maxBlockMs: Number.MAX_SAFE_INTEGER,
      keySerializer: 'string',
      valueSerializer: 'bytes',
      partitioner: 'roundRobin',
      securityProtocol: 'PLAINTEXT',
    })
    expect(resolveOptions({ ...options, lingerMs: 7 })).toMatchObject({ acks: -1, lingerMs: 7 })
  })

  test('an object with dotted names does the same, with values of any type', () => {
    const given = { 'bootstrap.servers': ['a:1'], 'linger.ms': 5, retries: '7', 'enable.idempotence': true }

    expect(fromProperties(given)).toEqual({
      bootstrapServers: ['a:1'],
      lingerMs: 5,
      retries: 7,
      enableIdempotence: true,
    })
  })

  test.each([
    ['String', 'string'],
    ['ByteArray', 'bytes'],
    ['Bytes', 'bytes'],
    ['ByteBuffer', 'bytes'],
    ['Integer', 'int32'],
    ['Long', 'int64'],
    ['Double', 'double'],
    ['UUID', 'uuid'],
  ])('%sSerializer is %s here', (javaName, value) => {
    expect(fromProperties(`key.serializer=org.apache.kafka.common.serialization.${javaName}Serializer`)).toEqual({
      keySerializer: value,
    })
  })

  test('the last of a repeated name counts', () => {
    expect(fromProperties('retries=1\nretries=2')).toEqual({ retries: 2 })
  })

  test.each([
    ['linger.ms=soon', 'lingerMs', /^line 1: linger.ms is the string "soon"; allowed: a whole number from 0/],
    ['retries=1.5', 'retries', /retries is the string "1.5"/],
    ['retries=2147483648', 'retries', /retries is 2147483648; allowed: .* to 2147483647/],
    ['buffer.memory=18446744073709551616', 'bufferMemory', /the string "18446744073709551616"/],
    ['enable.idempotence=yes', 'enableIdempotence', /allowed: true or false/],
    ['acks=2', 'acks', /acks is the string "2"/],
    ['bootstrap.servers=host', 'bootstrapServers', /bootstrap.servers: entry "host" has no port/],
    ['security.protocol=SASL_SSL', 'securityProtocol', /not spoken by this version yet/],
    ['linger.msec=5', 'linger.msec', /^line 1: linger.msec is not an option; did you mean linger.ms\?$/],
    ['lingerMs=5', 'lingerMs', /^line 1: lingerMs is written linger.ms here$/],
    ['my.own.thing=5', 'my.own.thing', /my.own.thing is not an option$/],
    ['group.id=g', 'group.id', /group.id belongs to a consumer/],
    ['value.deserializer=x', 'value.deserializer', /belongs to a consumer/],
    ['transaction.two.phase.commit.enable=true', 'transaction.two.phase.commit.enable', /belongs to two-phase commit/],
    ['metric.reporters=com.example.R', 'metric.reporters', /works in a JVM only; read producer.metrics\(\)/],
    ['metrics.context.env=prod', 'metrics.context.env', /works in a JVM only/],
    ['config.providers=file', 'config.providers', /read the value yourself/],
    ['ssl.engine.factory.class=com.example.E', 'ssl.engine.factory.class', /OpenSSL/],
    [
      'partitioner.class=com.example.P',
      'partitioner',
      /Java class com.example.P, .* give partitioner to createProducer/,
    ],
    [
      'key.serializer=io.confluent.kafka.serializers.KafkaAvroSerializer',
      'keySerializer',
      /names the Java class io.confluent.* give keySerializer to createProducer/,
    ],
    ['key.serializer=org.apache.kafka.clients.producer.RoundRobinPartitioner', 'keySerializer', /no counterpart here/],
  ])('%s is refused', (text, option, says) => {
    const problems = problemsOf(text)

    expect(problems.map(problem => problem.option)).toEqual([option])
    expect(problems[0]!.message).toMatch(says)
  })

  test.each([null, undefined, 5, ['linger.ms=5']])('%j is neither text nor object', given => {
    expect(problemsOf(given)[0]!.option).toBe('properties')
  })

  test('all wrong entries are reported at once', () => {
    expect(problemsOf('retries=x\n\nlinger.mss=5\ngroup.id=g').map(problem => problem.message.split(':')[0])).toEqual([
      'line 1',
      'line 3',
      'line 4',
    ])
  })

  test('nothing of a secret is shown, also where its lines have lost their backslashes', () => {
    const text = [
      'sasl.jaas.config=org.example.Plain required',
      '  username="alice" password="hunter2";',
      'ssl.keystore.key=-----BEGIN PRIVATE KEY-----',
      'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQhunter2',
      'hunter2==',
      '-----END PRIVATE KEY-----',
      'sasl.passwort=hunter2',
    ].join('\n')

    const problems = problemsOf(text)

    expect(problems).toHaveLength(7)
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|alice/)
  })

  test('prototypes are neither read nor changed', () => {
    const given = JSON.parse('{"acks":"all","__proto__":{"retries":"5"}}')

    expect(problemsOf(given).map(problem => problem.option)).toEqual(['__proto__'])
    expect(fromProperties(Object.create({ retries: '5' }))).toEqual({})
  })
})
