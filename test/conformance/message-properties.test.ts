import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import {
  groupMetadataKey,
  groupMetadataValue,
  offsetCommitKey,
  offsetCommitValue,
} from '../../src/broker/coordinators/records/consumer-offsets.ts'
import { transactionLogKey, transactionLogValue } from '../../src/broker/coordinators/records/transaction-state.ts'
import {
  type Api,
  apis,
  DecodeError,
  isFlexible,
  type Message,
  Reader,
  readRequestHeader,
  readResponseHeader,
} from '../../src/wire/protocol/index.ts'
import { arbitraryBody } from './arbitrary-message.ts'
import { mutate } from './mutate.ts'

const messages: Message[] = [
  ...(Object.values(apis) as Api[]).flatMap(({ request, response }) => [request, response]),
  offsetCommitKey,
  offsetCommitValue,
  groupMetadataKey,
  groupMetadataValue,
  transactionLogKey,
  transactionLogValue,
]
const versionsOf = ({ versions: [min, max] }: Message) =>
  Array.from({ length: max - min + 1 }, (_, index) => min + index)
const everyVersion = messages.flatMap(message => versionsOf(message).map(version => ({ message, version })))

/** A few bodies of this version, as bytes; the same ones in each run. */
const samples = (message: Message, version: number, count: number): Buffer[] =>
  fc.sample(arbitraryBody(message, version), { numRuns: count, seed: 1 }).map(body => message.encode(body, version))

/** Decodes what may be nonsense: true where it decoded, false where it was refused. Any other error goes through. */
function decodes(message: Message, version: number, bytes: Buffer): boolean {
  try {
    message.decode(bytes, version)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw new Error(`${message.name} v${version} threw ${error} on ${bytes.toString('hex')}`, { cause: error })
  }
}

const megabyte = 1024 * 1024
function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

describe('whatever a message holds', () => {
  test.for(messages)('$name comes back as it was, in every version, and as the same bytes', message => {
    for (const version of versionsOf(message))
      fc.assert(
        fc.property(arbitraryBody(message, version), body => {
          const bytes = message.encode(body, version)
          const decoded = message.decode(bytes, version)
          expect(decoded).toEqual(body)
          expect(message.encode(decoded, version).equals(bytes)).toBe(true)
        }),
        { numRuns: 60 },
      )
  })
})

describe('hostile bytes', () => {
  test('a body cut off anywhere is refused or decodes; nothing else is thrown', () => {
    let refused = 0
    for (const { message, version } of everyVersion)
      for (const bytes of samples(message, version, 4))
        for (let length = 0; length < bytes.length; length++)
          if (!decodes(message, version, bytes.subarray(0, length))) refused += 1
    // A shorter body that makes sense is an exception: most cuts must be noticed.
    expect(refused).toBeGreaterThan(10_000)
  })

  test('100,000 mutated bodies are refused or decode, within bounded memory', () => {
    // given
    const seeds = everyVersion.map(({ message, version }) => ({
      message,
      version,
      bodies: samples(message, version, 8),
    }))
    const random = seededRandom(20_250_101)
    const before = memory()
    let [refused, peak] = [0, before]

    // when
    for (let run = 0; run < 100_000; run++) {
      const { message, version, bodies } = seeds[run % seeds.length]!
      const bytes = mutate(bodies[Math.floor(random() * bodies.length)]!, random)
      if (!decodes(message, version, bytes)) refused += 1
      if (run % 100 === 0) peak = Math.max(peak, memory())
    }

    // then: both outcomes are common, so that the mutations were neither harmless nor all fatal at the first byte
    expect(refused).toBeGreaterThan(20_000)
    expect(refused).toBeLessThan(99_000)
    expect(peak - before).toBeLessThan(256 * megabyte)
  })

  test('random bytes are refused or decode', () => {
    const random = seededRandom(7)
    for (const { message, version } of everyVersion)
      for (let run = 0; run < 50; run++) {
        const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 64) }, () => Math.floor(random() * 256)))
        decodes(message, version, bytes)
      }
  })

  test('headers of mutated frames are refused or read', () => {
    const random = seededRandom(8)
    const request = Buffer.from(`0003000c0000000700046e616d650103020000${'00'.repeat(20)}`, 'hex')
    for (let run = 0; run < 20_000; run++) {
      const bytes = mutate(request, random)
      for (const read of [
        () => readRequestHeader(new Reader(bytes), isFlexible),
        () => readResponseHeader(new Reader(bytes), 3, true),
      ])
        try {
          read()
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
    }
  })

  test.for(
    everyVersion.filter(({ message }) => Object.values(message.fields).some(row => row.type.name.startsWith('[]'))),
  )('$message.name v$version: an array announced as huge allocates next to nothing', ({ message, version }) => {
    // given every place in a small body where a count may stand
    const [body] = samples(message, version, 1)
    const huge = Buffer.from(version >= message.flexibleFrom ? 'ffffffff07' : '7fffffff', 'hex')
    const before = memory()
    let peak = before

    // when
    for (let at = 0; at < Math.min(body!.length, 40); at++) {
      decodes(message, version, Buffer.concat([body!.subarray(0, at), huge, body!.subarray(at + huge.length)]))
      peak = Math.max(peak, memory())
    }

    // then
    expect(peak - before).toBeLessThan(32 * megabyte)
  })
})
