import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createProducer, type KafkaError } from '../../src/index.ts'
import { type MetricsServer, type MetricsServerOptions, startMetricsServer } from '../../src/prometheus/index.ts'
import { MockProducer } from '../../src/testing/index.ts'
import { builtCommand } from '../cli/built-command.ts'

const servers: MetricsServer[] = []
async function start(producers: Parameters<typeof startMetricsServer>[0], options: MetricsServerOptions = {}) {
  const server = await startMetricsServer(producers, { port: 0, ...options })
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

const sent = 'kafka_producer_records_acknowledged_total{client_id="a",topic="t"} 1\n'
async function loaded(): Promise<MockProducer> {
  const producer = new MockProducer({ clientId: 'a' })
  await producer.send({ topic: 't', value: 'v' })
  return producer
}

test('GET gives the text, with the type and version that Prometheus knows it by', async () => {
  const { url, port } = await start(await loaded())
  const response = await fetch(url)

  expect(url).toBe(`http://127.0.0.1:${port}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await response.text()).toContain(sent)
})

test('HEAD gives the same without a body, and a query does not matter', async () => {
  const { url } = await start(await loaded())
  const response = await fetch(`${url}?name=x`, { method: 'HEAD' })

  expect(response.status).toBe(200)
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(1000)
  expect(await response.text()).toBe('')
})

test('elsewhere there is nothing, and other methods do nothing; both are said', async () => {
  const { url } = await start(await loaded(), { path: '/of/kafka' })
  const elsewhere = await fetch(new URL('/metrics', url))
  const posted = await fetch(url, { method: 'POST', body: 'x' })

  expect(url).toMatch(/\/of\/kafka$/)
  expect([elsewhere.status, await elsewhere.text()]).toEqual([404, 'Nothing is here. The metrics are at /of/kafka.\n'])
  expect([posted.status, await posted.text()]).toEqual([405, 'POST does nothing here. GET reads the metrics.\n'])
  expect(posted.headers.get('allow')).toBe('GET, HEAD')
})

test('an iterator is refused: it would be used up by the first scrape', async () => {
  const producers = new Map([['one', new MockProducer()]])
  await expect(startMetricsServer(producers.values(), { port: 0 })).rejects.toThrow(
    'producers is an iterator, which is used up by the first scrape',
  )
})

test('producers in a Set may come and go', async () => {
  const producers = new Set<MockProducer>()
  const { url } = await start(producers)
  const text = async () => await (await fetch(url)).text()

  expect(await text()).toBe('')
  const producer = await loaded()
  producers.add(producer)
  expect(await text()).toContain(sent)
  producers.delete(producer)
  expect(await text()).toBe('')
})

test('a closed producer still shows its last numbers', async () => {
  const producer = await loaded()
  const { url } = await start(producer)
  await producer.close()

  expect(await (await fetch(url)).text()).toContain(sent)
})

test('metrics that cannot be read are an answer, and no crash', async () => {
  const broken = {
    metrics() {
      throw new Error('no time')
    },
  }
  const { url } = await start([broken])
  const response = await fetch(url)

  expect([response.status, await response.text()]).toEqual([500, 'The metrics could not be read: Error: no time.\n'])
})

test('a port that is taken is a sentence with the port and the option', async () => {
  const producer = await loaded()
  const { port } = await start(producer)

  const error = await startMetricsServer(producer, { port }).catch((error: KafkaError) => error)

  expect(error).toMatchObject({ code: 'LISTEN_FAILED' })
  expect((error as KafkaError).message).toContain(
    `port ${port} on 127.0.0.1 is in use; choose another with the option port`,
  )
})

test('wrong options are told together', async () => {
  const given = { port: 70_000, host: '', path: 'metrics', maxTopics: -1 }
  const error = await startMetricsServer(undefined as never, given).catch(error => error)

  expect(error).toMatchObject({ code: 'INVALID_CONFIG' })
  expect(error.problems.map(({ option }: { option: string }) => option)).toEqual([
    'maxTopics',
    'producers',
    'port',
    'host',
    'path',
  ])
})

test('close() is quick while a scraper keeps its connection, and another says nothing', async () => {
  const server = await start(await loaded())
  const agent = new Agent({ keepAlive: true })
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    httpRequest(server.url, { agent }, resolve).on('error', reject).end()
  })
  response.resume()
  await once(response, 'end')
  const silent = connect(server.port, '127.0.0.1')
  await once(silent, 'connect')
  const begun = performance.now()

  await server.close()
  await server.close()

  expect(performance.now() - begun).toBeLessThan(5000)
  await expect(fetch(server.url)).rejects.toThrow()
  silent.destroy()
  agent.destroy()
})

test('it ends at the end of its scope', async () => {
  let url: string
  {
    await using server = await startMetricsServer(await loaded(), { port: 0 })
    url = server.url
  }
  await expect(fetch(url)).rejects.toThrow()
})

/** A program that serves, is scraped once, and has nothing else to do. */
async function program(options: string): Promise<string> {
  const main = await builtCommand()
  const source = `
    import { MockProducer } from '${new URL('../testing/index.js', `file://${main}`)}'
    import { startMetricsServer } from '${new URL('../prometheus/index.js', `file://${main}`)}'
    const { url } = await startMetricsServer(new MockProducer({}), { port: 0, ${options} })
    await (await fetch(url)).text()
    console.log('scraped')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  const first = await Promise.race([
    ended.then(([code]) => `ended with ${code}`),
    new Promise<string>(resolve => setTimeout(() => resolve('runs'), options === '' ? 20_000 : 1000)),
  ])
  child.kill('SIGKILL')
  await ended
  return first
}

test('the process does not stay for its sake, unless it is asked to', async () => {
  expect(await program('')).toBe('ended with 0')
  expect(await program('ref: true')).toBe('runs')
})

test('a producer is taken as it is, whatever its topics are typed as', async () => {
  const producer = createProducer<{ t: { value: string } }>({ bootstrapServers: '127.0.0.1:1' })
  const { url } = await start(producer)

  expect(await (await fetch(url)).text()).toContain('kafka_producer_buffer_limit_bytes')
  await producer.close()
})
