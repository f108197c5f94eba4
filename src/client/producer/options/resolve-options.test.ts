import { describe, expect, test } from 'vitest'
import { ConfigError, type OptionProblem } from '../../../base/errors/index.ts'
import { resolveOptions } from '../options.ts'
import { optionNames, optionTable } from './option-table.ts'
import { refusedOptions } from './refused-options.ts'

const server = { bootstrapServers: 'localhost:9092' }

/** The problems of options that must be refused. */
function problemsOf(given: unknown): readonly OptionProblem[] {
  try {
    resolveOptions(given)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    expect(error.code).toBe('INVALID_CONFIG')
    expect(error.retriable).toBe(false)
    for (const problem of error.problems) expect(error.message).toContain(problem.message)
    return error.problems
  }
  throw new Error('these options were taken')
}

describe('wrong values', () => {
  const wrong: [option: string, value: unknown, says: RegExp][] = [
    [
      'lingerMs',
      '5',
      /lingerMs is the string "5"; allowed: a whole number from 0 to 9007199254740991 \(milliseconds\)/,
    ],
    ['lingerMs', -1, /lingerMs is -1/],
    ['lingerMs', -0, /lingerMs is -0/],
    ['lingerMs', 0.5, /lingerMs is 0.5/],
    ['lingerMs', Number.NaN, /lingerMs is NaN/],
    ['lingerMs', Number.POSITIVE_INFINITY, /lingerMs is Infinity/],
    ['lingerMs', 5n, /lingerMs is the bigint 5n/],
    ['bufferMemory', 2n ** 64n, /the bigint 18446744073709551616n/],
    ['bufferMemory', 2 ** 53, /9007199254740992/],
    ['batchSize', 2 ** 31, /batchSize is 2147483648; allowed: a whole number from 0 to 2147483647 \(bytes\)/],
    ['batchSize', null, /batchSize is null/],
    ['retries', new Number(3), /retries is an object/],
    ['requestTimeoutMs', () => 5, /requestTimeoutMs is a function/],
    ['maxBlockMs', Symbol('x'), /maxBlockMs is a symbol/],
    ['enableIdempotence', 'true', /enableIdempotence is the string "true"; allowed: true or false/],
    ['enableIdempotence', 1, /enableIdempotence is 1/],
    ['acks', 2, /acks is 2; allowed: 0, 1, -1 or 'all'/],
    ['acks', '', /acks is the string ""/],
    ['acks', -0, /acks is -0/],
    [
      'compressionType',
      'GZIP',
      /compressionType is the string "GZIP"; allowed: 'none', 'gzip', 'snappy', 'lz4' or 'zstd'/,
    ],
    ['compressionGzipLevel', 0, /allowed: a whole number from 1 to 9, or -1/],
    ['compressionGzipLevel', 10, /compressionGzipLevel is 10/],
    ['compressionLz4Level', 18, /from 1 to 17/],
    ['compressionZstdLevel', 23, /from -131072 to 22/],
    ['metadataMaxIdleMs', 4999, /from 5000/],
    ['maxInFlightRequestsPerConnection', 0, /from 1/],
    ['securityProtocol', 'SASL_SSL', /securityProtocol .* not spoken by this version yet; it speaks PLAINTEXT/],
    ['securityProtocol', 'TLS', /securityProtocol is the string "TLS"; allowed: 'PLAINTEXT'/],
    ['clientDnsLookup', 'resolve_canonical_bootstrap_servers_only', /clientDnsLookup .* Kerberos/],
    ['sendBufferBytes', 131072, /sendBufferBytes is 131072, which cannot be set from Node/],
    ['receiveBufferBytes', -2, /receiveBufferBytes is -2; allowed: -1/],
    ['enableMetricsPush', 'yes', /enableMetricsPush is the string "yes"; allowed: true or false/],
    ['clientId', 7, /clientId is 7; allowed: a string/],
    ['clientId', 'ä'.repeat(16384), /clientId is the string "ä+…"; allowed: a string of at most 32767 bytes/],
    ['partitioner', 'sticky', /allowed: 'murmur2', 'roundRobin', 'random', 'crc32' or a function/],
    ['partitioner', {}, /partitioner is an object/],
    ['keySerializer', 'strng', /keySerializer is the string "strng"; allowed: 'string'/],
    ['valueSerializer', { serialise() {} }, /valueSerializer is an object; .* or an object with serialize/],
    ['interceptors', {}, /interceptors is an object|interceptors/],
    ['interceptors', [{ onSend() {} }, { onSent() {} }], /entry 1 has neither/],
    ['interceptors', [{ onSend: 5 }], /entry 0/],
    ['interceptors', [{ onSend() {}, close: true }], /entry 0/],
    ['interceptors', [null], /entry 0/],
    ['logger', () => {}, /^logger is a function; allowed: an object with debug, info, warn and error, or with log$/],
    ['logger', { debug() {}, info() {}, warn() {} }, /^logger is an object/],
    ['logger', { log: 'yes' }, /^logger is an object/],
    ['logger', 'console', /^logger is the string/],
    ['logLevel', 'verbose', /allowed: 'debug', 'info', 'warn', 'error' or 'silent'$/],
    ['logLevel', 'INFO', /^logLevel is the string "INFO"/],
    ['deliveryTimeoutMs', 30004, /at least lingerMs \+ requestTimeoutMs \(5 \+ 30000 = 30005\)/],
    ['acks', 1, /acks is 1, which rules out enableIdempotence, which is on by default; allowed: acks: 'all'/],
    ['acks', '0', /acks is 0, which rules out enableIdempotence/],
    ['retries', 0, /retries is 0, which rules out enableIdempotence/],
    ['maxInFlightRequestsPerConnection', 6, /is 6, which rules out enableIdempotence/],
    ['transactionalId', '', /transactionalId is ''; allowed: a string of 1 to 32767 bytes|transactionalId is/],
    ['transactionTimeoutMs', 0, /allowed: .*1 to 2147483647/],
    ['transactionTwoPhaseCommitEnable', true, /belongs to two-phase commit/],
    ['sslTruststoreLocation', '/ca.pem', /sslTruststoreLocation belongs to TLS/],
    ['metricReporters', [], /metricReporters works in a JVM only; read producer.metrics\(\)/],
    ['groupId', 'g', /groupId belongs to a consumer/],
    ['lingerms', 5, /^lingerms is written lingerMs here$/],
    ['linger.ms', 5, /^linger.ms is written lingerMs here$/],
    ['sasl.mechanism', 'PLAIN', /^sasl.mechanism is written saslMechanism here, and belongs to SASL/],
    ['lignerMs', 5, /^lignerMs is not an option; did you mean lingerMs\?$/],
    ['lingerMillis', 5, /did you mean lingerMs\?$/],
    ['compresionType', 'gzip', /did you mean compressionType\?$/],
    ['brokers', ['a:1'], /did you mean bootstrapServers\?$/],
    ['queue.buffering.max.ms', 5, /did you mean lingerMs\?$/],
    ['xyzzy', 1, /^xyzzy is not an option$/],
  ]

  test.each(wrong)('%s, case %#, is refused by name', (option, value, says) => {
    const problems = problemsOf({ ...server, [option]: value })

    expect(problems.map(problem => problem.option)).toEqual([option])
    expect(problems[0]!.message).toMatch(says)
  })

  test.each([
    ['', /no server is named/],
    [' , ', /no server is named/],
    [[], /no server is named/],
    ['host', /"host" has no port/],
    ['host:', /"host:" has no port/],
    [':9092', /":9092" has no host/],
    ['host:0', /port that is not from 1 to 65535/],
    ['host:99999', /port that is not from 1 to 65535/],
    ['host:9e3', /port that is not/],
    ['::1:9092', /IPv6 address without brackets/],
    ['[::1]', /has no port/],
    ['[::g]:9092', /no IPv6 address in its brackets/],
    ['256.1.1.1:9092', /host that cannot be one/],
    ['ho st:9092', /host that cannot be one/],
    ['PLAINTEXT://host:9092', /protocol before it/],
    [['a:1', ''], /is empty/],
    [['a:1', 9092], /an entry of type number is not a string/],
    [9092, /bootstrapServers is 9092/],
    [null, /bootstrapServers is null/],
    [undefined, /bootstrapServers is missing/],
  ])('bootstrapServers: %j is refused', (bootstrapServers, says) => {
    const problems = problemsOf({ bootstrapServers })

    expect(problems.map(problem => problem.option)).toEqual(['bootstrapServers'])
    expect(problems[0]!.message).toMatch(says)
  })

  test.each([undefined, null, 'localhost:9092', 5, [], () => {}])(
    'options that are no object (%s) are refused',
    given => {
      expect(problemsOf(given).map(problem => problem.option)).toEqual(['options'])
    },
  )

  test('all wrong options are reported at once', () => {
    const problems = problemsOf({ acks: 1, lingerMs: -1, linger: 5, retries: 0, deliveryTimeoutMs: 1 })

    expect(problems.map(problem => problem.option).sort()).toEqual(
      ['acks', 'bootstrapServers', 'deliveryTimeoutMs', 'linger', 'lingerMs', 'retries'].sort(),
    )
  })

  test('a logger that cannot be looked at is no logger', () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('no')
        },
      },
    )

    expect(problemsOf({ ...server, logger: hostile }).map(problem => problem.option)).toEqual(['logger'])
  })

  test('a getter that throws is a wrong option', () => {
    const given = Object.defineProperty({ ...server }, 'acks', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    })

    expect(problemsOf(given)).toEqual([{ option: 'acks', message: 'acks cannot be read: its getter throws' }])
  })
})

describe('secrets', () => {
  test.each([
    'saslJaasConfig',
    'sslKeystorePassword',
    'saslPasswrd',
    'sasl.oauthbearer.client.credentials.client.secret',
    'authToken',
    'clientKey',
    'anything',
  ])('the value of %s is never shown', option => {
    const error = (() => {
      try {
        return resolveOptions({ [option]: 'hunter2', bootstrapServers: 'user:hunter2@host:9092' })
      } catch (caught) {
        return caught
      }
    })() as ConfigError

    expect(error).toBeInstanceOf(ConfigError)
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain('hunter2')
  })
})

describe('what is taken', () => {
  test('defaults are those of Kafka 4.3, but for the differences that the docs explain', () => {
    const options = resolveOptions({ ...server, clientId: 'x' })

    expect({ ...options }).toEqual({
      bootstrapServers: [{ host: 'localhost', port: 9092 }],
      clientId: 'x',
      clientDnsLookup: 'use_all_dns_ips',
      securityProtocol: 'PLAINTEXT',
      acks: -1,
      enableIdempotence: true,
      retries: 2147483647,
      maxInFlightRequestsPerConnection: 5,
      deliveryTimeoutMs: 120000,
      requestTimeoutMs: 30000,
      lingerMs: 5,
      lingerWhenIdle: false,
      batchSize: 131072,
      bufferMemory: 33554432,
      maxBlockMs: 60000,
      maxRequestSize: 1048576,
      compressionType: 'none',
      compressionGzipLevel: -1,
      compressionLz4Level: 9,
      compressionZstdLevel: 3,
      partitioner: 'murmur2',
      partitionerAdaptivePartitioningEnable: true,
      partitionerAvailabilityTimeoutMs: 0,
      partitionerIgnoreKeys: false,
      keySerializer: undefined,
      valueSerializer: undefined,
      interceptors: [],
      retryBackoffMs: 100,
      retryBackoffMaxMs: 1000,
      reconnectBackoffMs: 50,
      reconnectBackoffMaxMs: 1000,
      socketConnectionSetupTimeoutMs: 10000,
      socketConnectionSetupTimeoutMaxMs: 30000,
      connectionsMaxIdleMs: 540000,
      sendBufferBytes: -1,
      receiveBufferBytes: -1,
      metadataMaxAgeMs: 300000,
      metadataMaxIdleMs: 300000,
      metadataRecoveryStrategy: 'rebootstrap',
      metadataRecoveryRebootstrapTriggerMs: 300000,
      flushOnExit: false,
      flushOnExitTimeoutMs: 10000,
      enableMetricsPush: true,
      transactionalId: undefined,
      transactionTimeoutMs: 60000,
      metricsNumSamples: 2,
      metricsSampleWindowMs: 30000,
      metricsRecordingLevel: 'INFO',
      logger: undefined,
      logLevel: 'info',
    })
  })

  describe('transactions and the time-out of deliveries', () => {
    const own = { ...server, transactionalId: 'a' }

    test.each([
      ['neither is given', {}, 60000, 60000],
      ['a shorter transaction', { transactionTimeoutMs: 40000 }, 40000, 40000],
      ['a transaction shorter than a request', { transactionTimeoutMs: 1000 }, 30005, 1000],
      ['a longer transaction', { transactionTimeoutMs: 300000 }, 120000, 300000],
      ['a longer delivery', { deliveryTimeoutMs: 100000 }, 100000, 100000],
      ['both', { deliveryTimeoutMs: 40000, transactionTimeoutMs: 50000 }, 40000, 50000],
    ])('%s', (_, given, deliveryTimeoutMs, transactionTimeoutMs) => {
      expect(resolveOptions({ ...own, ...given })).toMatchObject({ deliveryTimeoutMs, transactionTimeoutMs })
    })

    test('without a transactional id they have nothing to do with each other', () => {
      expect(resolveOptions({ ...server, transactionTimeoutMs: 1000 }).deliveryTimeoutMs).toBe(120000)
    })

    test.each([
      [
        { deliveryTimeoutMs: 60000, transactionTimeoutMs: 50000 },
        'deliveryTimeoutMs',
        /at most transactionTimeoutMs \(50000\)/,
      ],
      [{ deliveryTimeoutMs: 1000000 }, 'deliveryTimeoutMs', /at most transactionTimeoutMs \(900000\)/],
      [{ enableIdempotence: false }, 'enableIdempotence', /rules out transactionalId/],
    ])('%o is refused', (given, option, says) => {
      const problems = problemsOf({ ...own, ...given })
      expect(problems.map(problem => problem.option)).toEqual([option])
      expect(problems[0]!.message).toMatch(says)
    })
  })

  test('every default passes its own check', () => {
    for (const name of optionNames) {
      const row = optionTable[name]
      if (row.default === undefined) expect(row.defaultText, name).toBeTruthy()
      else expect(row.kind.check(row.default), name).toEqual({ value: row.default })
    }
  })

  test('no option is both taken and refused', () => {
    expect(optionNames.filter(name => refusedOptions.has(name))).toEqual([])
  })

  test.each([
    ['a:1,b:2', ['a:1', 'b:2']],
    [' A:1 , a:1,', ['a:1']],
    ['[::1]:9092', ['::1:9092']],
    [
      ['[2001:DB8::1]:9092', '127.0.0.1:65535'],
      ['2001:db8::1:9092', '127.0.0.1:65535'],
    ],
    ['bücher.example:9092', ['xn--bcher-kva.example:9092']],
    ['例え.テスト:9092', ['xn--r8jz45g.xn--zckzah:9092']],
    ['kafka_1.local.:9092', ['kafka_1.local.:9092']],
  ])('bootstrapServers %j', (bootstrapServers, expected) => {
    const options = resolveOptions({ bootstrapServers })

    expect(options.bootstrapServers.map(({ host, port }) => `${host}:${port}`)).toEqual(expected)
  })

  test.each([
    [0, 0],
    [1, 1],
    [-1, -1],
    ['all', -1],
    ['0', 0],
    ['1', 1],
    ['-1', -1],
  ])('acks %j is %j', (acks, expected) => {
    expect(resolveOptions({ ...server, acks, enableIdempotence: false }).acks).toBe(expected)
  })

  test('what rules out idempotence is allowed without it', () => {
    const given = { ...server, enableIdempotence: false, acks: 1, retries: 0, maxInFlightRequestsPerConnection: 100 }

    expect(resolveOptions(given)).toMatchObject({ acks: 1, retries: 0, maxInFlightRequestsPerConnection: 100 })
  })

  test('the delivery time-out is raised where it was not given, and its lowest value is the sum', () => {
    expect(resolveOptions({ ...server, requestTimeoutMs: 200000 }).deliveryTimeoutMs).toBe(200005)
    expect(resolveOptions({ ...server, deliveryTimeoutMs: 30005 }).deliveryTimeoutMs).toBe(30005)
    expect(resolveOptions({ ...server, lingerMs: 2 ** 40 })).toMatchObject({
      lingerMs: 2 ** 31 - 1,
      deliveryTimeoutMs: 2 ** 31 - 1,
    })
  })

  test('a back-off that starts above its maximum is constant, as in Java', () => {
    expect(resolveOptions({ ...server, retryBackoffMs: 5000 })).toMatchObject({
      retryBackoffMs: 1000,
      retryBackoffMaxMs: 1000,
    })
    expect(resolveOptions({ ...server, reconnectBackoffMs: 5000 })).toMatchObject({
      reconnectBackoffMs: 5000,
      reconnectBackoffMaxMs: 5000,
    })
    expect(resolveOptions({ ...server, reconnectBackoffMs: 5000, reconnectBackoffMaxMs: 70 }).reconnectBackoffMs).toBe(
      70,
    )
    expect(resolveOptions({ ...server, socketConnectionSetupTimeoutMs: 40000 }).socketConnectionSetupTimeoutMs).toBe(
      30000,
    )
  })

  test('words that Kafka takes in any case are taken in any case', () => {
    const options = resolveOptions({ ...server, securityProtocol: 'plaintext', metadataRecoveryStrategy: 'NONE' })

    expect(options).toMatchObject({ securityProtocol: 'PLAINTEXT', metadataRecoveryStrategy: 'none' })
  })

  test('producers without a name are counted', () => {
    const [first, second] = [resolveOptions(server), resolveOptions(server)].map(options => options.clientId)

    expect(first).toMatch(/^producer-\d+$/)
    expect(Number(second!.slice(9))).toBe(Number(first!.slice(9)) + 1)
    expect(resolveOptions({ ...server, clientId: '' }).clientId).toBe('')
  })

  test('a serializer may be a name, a function, or an object whose class has the method', () => {
    class Upper {
      serialize() {}
    }
    for (const keySerializer of ['uuid', () => new Uint8Array(), new Upper()]) {
      expect(resolveOptions({ ...server, keySerializer }).keySerializer).toBe(keySerializer)
    }
  })

  test('undefined is the same as nothing', () => {
    expect(resolveOptions({ ...server, lingerMs: undefined, transactionalId: undefined }).lingerMs).toBe(5)
  })
})

describe('whose properties are read', () => {
  test('prototypes are neither read nor changed', () => {
    const given = JSON.parse(
      '{"bootstrapServers":"a:1","__proto__":{"polluted":1,"lingerMs":99},"constructor":{"prototype":{}}}',
    )

    const problems = problemsOf(given)

    expect(problems.map(problem => problem.option).sort()).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('inherited options are not read', () => {
    const given = Object.create({ lingerMs: 99, nonsense: 1 }, Object.getOwnPropertyDescriptors(server))

    const options = resolveOptions(given)

    expect(options.lingerMs).toBe(5)
    expect(Object.getPrototypeOf(options)).toBeNull()
  })

  test('changes after construction have no effect, and the result cannot be changed', () => {
    const interceptor = { onSend: (record: unknown) => record }
    const given = { bootstrapServers: ['a:1'], interceptors: [interceptor], lingerMs: 7 }
    const options = resolveOptions(given)

    given.lingerMs = 8
    given.bootstrapServers.push('b:2')
    given.interceptors.length = 0

    expect(options.lingerMs).toBe(7)
    expect(options.bootstrapServers).toHaveLength(1)
    expect(options.interceptors).toEqual([interceptor])
    for (const part of [options, options.bootstrapServers, options.bootstrapServers[0], options.interceptors]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })
})
