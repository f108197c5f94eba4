import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A time series of an answer: its labels, and its values with their times in seconds. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [time: number, value: string])[]
}

export interface Rule {
  readonly name: string
  readonly health: string
  readonly lastError?: string
  readonly labels?: Readonly<Record<string, string>>
}

export interface PrometheusServer extends AsyncDisposable {
  readonly url: string
  /** Every second from `from` until `to`. */
  range(query: string, from: Date, to: Date): Promise<Series[]>
  /** Now, each with one value. */
  now(query: string): Promise<Series[]>
  rules(): Promise<Rule[]>
  labelValues(label: string, series: string): Promise<string[]>
  /** Until the query has an answer that will do. */
  until(query: string, isEnough: (series: Series[]) => boolean, timeoutMs: number): Promise<void>
}

const startTimeoutMs = 30_000

/** Starts a Prometheus of this test's own, which scrapes `target` (`host:port`) and evaluates the rules once a second. */
export async function startPrometheus(target: string, rules: string): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'ottla-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: [{ job_name: 'producers', static_configs: [{ targets: [target] }] }],
  }
  await writeFile(join(folder, 'rules.yml'), rules)
  // What is JSON is YAML as well.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const given = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
  ]
  const child = spawn('prometheus', given, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  let log = ''
  const ready = new Promise<string>((resolve, reject) => {
    child.stderr.on('data', data => {
      log += data
      const [, address] = /msg="Listening on" address=(\S+)/.exec(log) ?? []
      // It listens before it is ready, and answers 503 meanwhile.
      if (address !== undefined && log.includes('msg="Server is ready to receive web requests."')) resolve(address)
    })
    child.once('error', reject)
    child.once('close', code => reject(new Error(`prometheus ended with ${code}:\n${log}`)))
    setTimeout(() => reject(new Error(`prometheus does not get ready:\n${log}`)), startTimeoutMs).unref()
  })
  const close = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  let url: string
  try {
    url = `http://${await ready}`
  } catch (error) {
    await close()
    throw error
  }

  const ask = async <Answer>(path: string, parameters: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
    const answer = (await response.json()) as { status: string; error?: string; data: Answer }
    if (answer.status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${answer.error}`)
    return answer.data
  }
  const now = async (query: string): Promise<Series[]> => {
    const { result } = await ask<{ result: { metric: Series['metric']; value: readonly [number, string] }[] }>(
      'query',
      {
        query,
      },
    )
    return result.map(({ metric, value }) => ({ metric, values: [value] }))
  }

  return {
    url,
    now,
    range: async (query, from, to) => {
      const [start, end] = [from, to].map(time => String(time.getTime() / 1000)) as [string, string]
      return (await ask<{ result: Series[] }>('query_range', { query, start, end, step: '1' })).result
    },
    rules: async () => (await ask<{ groups: { rules: Rule[] }[] }>('rules')).groups.flatMap(group => group.rules),
    labelValues: (label, series) => ask<string[]>(`label/${label}/values`, { 'match[]': series }),
    until: async (query, isEnough, timeoutMs) => {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const series = await now(query)
        if (isEnough(series)) return
        if (performance.now() > deadline)
          throw new Error(`after ${timeoutMs} ms ${query} still gives ${JSON.stringify(series)}`)
        await delay(250)
      }
    },
    [Symbol.asyncDispose]: close,
  }
}
