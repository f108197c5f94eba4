// @ts-check
// Writes test/kafka/murmur2-vectors.json and test/kafka/crc32-vectors.json: where the Java producer and librdkafka put keys.
// Run it again with `node scripts/kafka/make-partition-vectors.mjs`; it needs java, mvn and kcat.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startCluster } from './cluster.mjs'
import { runJavaSource } from './java.mjs'
import { newestKafka } from './versions.mjs'

const murmur2Counts = [1, 2, 3, 6, 7, 12, 100, 1000]
const crc32Partitions = 7

/** Every length from 0 to 40, as text, as bytes of both halves, and as high bytes only; then text of several scripts. */
function keys() {
  const lengths = Array.from({ length: 41 }, (_, length) => length)
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0 // the same bytes in every run
    return state >>> 24
  }
  const text = lengths.map(length => Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789-_.:'.slice(0, length)))
  const bytes = lengths.slice(1).map(length => Buffer.from(Array.from({ length }, next)))
  const high = lengths.slice(1).map(length => Buffer.from(Array.from({ length }, () => next() | 0x80)))
  const scripts = ['Grüße', '東京', 'Ελλάδα', 'Київ', 'مرحبا', '🚀', 'e\u0301', '\u0000', 'order-42', 'x'.repeat(1000)]
  return [...text, ...bytes, ...high, ...scripts.map(each => Buffer.from(each))]
}

/** @param {Buffer[]} list */
async function murmur2(list) {
  const output = await runJavaSource('MakeMurmur2Vectors.java', [
    murmur2Counts.join(','),
    ...list.map(key => `x${key.toString('hex')}`),
  ])
  const rows = output.toString().trim().split('\n')
  if (rows.length !== list.length) throw new Error(`${rows.length} answers for ${list.length} keys`)
  return rows.map((row, i) => {
    const [hash, ...partitions] = row.split(' ').map(Number)
    return { key: list[i]?.toString('hex'), hash, partitions }
  })
}

/** @param {Buffer[]} list */
async function crc32(list) {
  const cluster = await startCluster({ ownedByThisProcess: true })
  try {
    await cluster.createTopic('keys', { partitions: crc32Partitions })
    const [keyEnd, recordEnd] = ['<-key|', '<-record|']
    const lines = list.map((key, i) => Buffer.concat([key, Buffer.from(`${keyEnd}${i}${recordEnd}`)]))
    const to = ['-b', cluster.bootstrapServers, '-t', 'keys']
    execFileSync('kcat', ['-P', ...to, '-K', keyEnd, '-D', recordEnd, '-X', 'partitioner=consistent'], {
      input: Buffer.concat(lines),
    })
    const read = execFileSync('kcat', ['-C', ...to, '-e', '-q', '-f', '%s %p\n'], { encoding: 'utf8' })
    const partitions = new Map(
      read
        .trim()
        .split('\n')
        .map(line => /** @type {[string, string]} */ (line.split(' '))),
    )
    if (partitions.size !== list.length) throw new Error(`${partitions.size} of ${list.length} records found`)
    return list.map((key, i) => ({ key: key.toString('hex'), partition: Number(partitions.get(String(i))) }))
  } finally {
    await cluster.down()
  }
}

/**
 * @param {string} name
 * @param {object} facts
 * @param {object[]} vectors
 */
function write(name, facts, vectors) {
  const file = fileURLToPath(new URL(`../../test/kafka/${name}`, import.meta.url))
  writeFileSync(file, JSON.stringify({ ...facts, vectors }))
  execFileSync('npx', ['biome', 'format', '--write', file])
}

const list = keys()
const source = `org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey of kafka-clients ${newestKafka}`
write('murmur2-vectors.json', { source, keyEncoding: 'hex', partitionCounts: murmur2Counts }, await murmur2(list))
const kcat = /librdkafka ([\d.]+)/.exec(execFileSync('kcat', ['-V'], { encoding: 'utf8' }))?.[1]
const facts = {
  source: `librdkafka ${kcat}, partitioner=consistent`,
  keyEncoding: 'hex',
  partitionCount: crc32Partitions,
}
write('crc32-vectors.json', facts, await crc32(list))
