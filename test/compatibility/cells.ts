import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, inject, test } from 'vitest'
import { createTopic } from '../../scripts/kafka/admin.mjs'
import { kcatIsInstalled } from '../kafka/read-back.ts'

/** A column of the table: a client program or library in one version. */
export interface Client {
  readonly name: string
  /** As it calls itself, or as it is pinned. */
  readonly version: string
  /** Libraries and kcat stand in one table, Kafka's own tools in another: their operations have little in common. */
  readonly table: 'clients' | 'tools'
  /** Why it cannot run on this machine. */
  readonly missing?: string | undefined
  /** What users should know of its cells, a phrase each. */
  readonly remarks?: readonly string[]
}

/** One real run: a client doing an operation, judged by what another program then finds. */
export interface Cell {
  /** The row of the table. */
  readonly operation: string
  /** Programs besides the client without which nobody could judge. */
  readonly needs?: readonly 'kcat'[]
  /** Why this is known not to work. It is tried all the same, and fails when it works. */
  readonly lacking?: string | undefined
  run(place: Place): Promise<void>
}

/** Where a cell runs: a cluster that it shares with others, and names that nobody else uses. */
export interface Place {
  readonly bootstrapServers: string
  /** Aborted when the cell has had its time; ends the programs it runs. */
  readonly signal: AbortSignal
  /** A name for a topic, group or transactional id. */
  name(kind: string): string
  /** A new topic, by default with one partition. */
  topic(options?: { partitions?: number; config?: Record<string, string | number> }): Promise<string>
}

/** What became of a cell, as it goes into the table. */
export interface CellResult {
  readonly table: Client['table']
  readonly client: string
  readonly version: string
  readonly operation: string
  readonly result: 'passed' | 'failed' | 'lacking' | 'skipped'
  /** Of all but `passed`. */
  readonly reason?: string
  /** Of the client; with its first cell only. */
  readonly remarks?: readonly string[]
  readonly ms: number
}

const mostMs = 60_000

/** The cells of one client; each is a test, and its result goes into the table. */
export function describeClient(client: Client, cells: readonly Cell[]): void {
  const results: CellResult[] = []
  const noted = (operation: string, result: CellResult['result'], startedMs: number, reason?: string) => {
    const { table, name, version, remarks } = client
    const ms = Math.round(performance.now() - startedMs)
    const once = results.length === 0 && remarks ? { remarks } : {}
    results.push({
      table,
      client: name,
      version,
      operation,
      result,
      ms,
      ...(reason !== undefined && { reason }),
      ...once,
    })
  }
  describe(`${client.name} ${client.version}`, () => {
    for (const cell of cells) {
      const why = client.missing ?? missingFor(cell)
      test(cell.operation, { timeout: mostMs + 15_000 }, async context => {
        const startedMs = performance.now()
        if (why !== undefined) {
          noted(cell.operation, 'skipped', startedMs, why)
          context.skip(why)
        }
        const place = placeOf(client, cell)
        try {
          await cell.run(place)
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error)
          const told = place.signal.aborted ? `not done after ${mostMs} ms: ${message}` : message
          noted(cell.operation, cell.lacking === undefined ? 'failed' : 'lacking', startedMs, cell.lacking ?? told)
          if (cell.lacking === undefined) throw place.signal.aborted ? new Error(told, { cause: error }) : error
          return
        }
        if (cell.lacking === undefined) return noted(cell.operation, 'passed', startedMs)
        const contradiction = `works, although it is said that ${cell.lacking}`
        noted(cell.operation, 'failed', startedMs, contradiction)
        throw new Error(contradiction)
      })
    }
    afterAll(() => keep(client, results))
  })
}

function missingFor({ needs = [] }: Cell): string | undefined {
  return needs.includes('kcat') && !kcatIsInstalled ? 'kcat, which judges it, is not installed' : undefined
}

let names = 0

function placeOf(client: Client, cell: Cell): Place {
  const { bootstrapServers, run } = inject('compatibility')
  const readable = `${client.name}-${client.version}-${cell.operation}`
    .replace(/\W+/g, '-')
    .replace(/^-/, '')
    .toLowerCase()
  const name = (kind: string) => `${readable.slice(0, 80)}-${kind}-${run}-${++names}`
  return {
    bootstrapServers,
    signal: AbortSignal.timeout(mostMs),
    name,
    topic: async ({ partitions = 1, config = {} } = {}) => {
      const topic = name('t')
      // What the cells write has times of long ago, which retention would take away when its check comes round.
      await createTopic(bootstrapServers, topic, { partitions, config: { 'retention.ms': -1, ...config } })
      return topic
    },
  }
}

/** One file for each client, for the script that draws the table. */
function keep({ name, version }: Client, results: readonly CellResult[]): void {
  const folder = process.env.OTTLA_COMPATIBILITY_RESULTS
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}-${version}.json`.replace(/[^\w.-]+/g, '_')), JSON.stringify(results))
}
