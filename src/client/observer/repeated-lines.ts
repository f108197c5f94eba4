import type { Clock, Timer } from '../../base/time/clock.ts'
import type { Line, LineQueue } from './line-queue.ts'
import type { LogFields, LogLevel } from './logger.ts'

/** Something that may happen a thousand times a second, and is then told now and then, with how often. */
export interface Happening {
  readonly level: LogLevel
  readonly event: string
  /** A whole sentence about this one time. */
  readonly text: string
  readonly fields: LogFields
  /** How many records it concerns. */
  readonly records?: number
  /** Which partition of the topic in `fields` it concerns. */
  readonly partition?: number
}

/** What is told of the end of something that went on for a while. */
export type Ending = (forMs: number, times: number) => Happening

/** How long repetitions are counted before they are told: this long at first, twice as long after each such line, up to the most. */
const firstPauseMs = 30_000
const longestPauseMs = 5 * 60_000
/** How many things are counted apart from each other; what goes beyond is counted together. */
const mostEntries = 64
/** Partitions that a line names, and those that are remembered between two lines. */
const mostNamed = 10
const mostRemembered = 1000

/**
 * Bounded repetition. Of each key (a kind of event, and where) the first time is told at once; then a line tells how often it happened
 * again, after 30 s, 60 s, and so on up to 5 min; after a pause without any it begins anew. An end is told at once, unless
 * the last one was told less than a pause ago: what comes and goes all the time fills no log either.
 *
 * One timer for all keys, which keeps no process alive.
 */
export class RepeatedLines {
  readonly #queue: LineQueue
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(queue: LineQueue, clock: Clock) {
    this.#queue = queue
    this.#clock = clock
  }

  note(key: string, happening: Happening): void {
    if (!this.#queue.wants(happening.level)) return
    const now = this.#clock.now()
    const entry = this.#entryFor(key, happening.level)
    entry.count(happening, now)
    if (now >= entry.dueAt) this.#tell(entry, now)
  }

  /** What was noted under this key is over; nothing is told where nothing was noted. */
  ended(key: string, ending: Ending): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.isOver) return
    const now = this.#clock.now()
    entry.isOver = true
    // It was long, and is over: the next time is news. What comes and goes is told ever more rarely, as what stays.
    if (now - entry.beganAt >= firstPauseMs) {
      entry.pauseMs = firstPauseMs
      entry.dueAt = Math.min(entry.dueAt, now + firstPauseMs)
    }
    if (!entry.isEndTold) {
      entry.isEndTold = true
      const { level, event, text, fields } = ending(now - entry.beganAt, entry.timesInAll)
      // Its totals say what has been counted since the last line as well.
      if (!entry.isQueued && this.#queue.wants(level)) entry.forgetCounts()
      this.#queue.add({ level, write: () => ({ message: text, fields: { event, ...fields } }) })
    }
    this.#arm(now)
  }

  /** Tells what was counted and not told yet. */
  close(): void {
    const now = this.#clock.now()
    for (const entry of this.#entries.values()) if (entry.times > 0 && !entry.isQueued) this.#queueUp(entry, now)
    this.#entries.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #entryFor(key: string, level: LogLevel): Entry {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const isFull = this.#entries.size >= mostEntries
    const ownKey = isFull ? `others ${level}` : key
    let entry = this.#entries.get(ownKey)
    if (entry === undefined) {
      entry = new Entry(level, isFull)
      this.#entries.set(ownKey, entry)
    }
    return entry
  }

  #tell(entry: Entry, now: number): void {
    this.#queueUp(entry, now)
    entry.dueAt = now + entry.pauseMs
    entry.isEndTold = false
    this.#arm(now)
  }

  #queueUp(entry: Entry, now: number): void {
    entry.isQueued = true
    this.#queue.add(entry.lineAt(now))
  }

  #arm(now: number): void {
    let at = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#entries.values()) at = Math.min(at, dueAt)
    if (this.#timer !== undefined && this.#timerAt <= at) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#clock.schedule(() => this.#due(), at - now, true)
  }

  #due(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (const [key, entry] of this.#entries) {
      if (entry.dueAt > now) continue
      if (entry.times === 0) this.#entries.delete(key)
      else {
        entry.pauseMs = Math.min(entry.pauseMs * 2, longestPauseMs)
        this.#tell(entry, now)
      }
    }
    if (this.#entries.size > 0) this.#arm(now)
  }
}

/** What is counted under one key. */
class Entry {
  readonly #level: LogLevel
  readonly #isOthers: boolean
  #latest: Happening | undefined
  /** Since the last line. */
  times = 0
  #records = 0
  readonly #partitions = new Set<number>()
  #toldAt: number | undefined
  /** Since it began, which is since the last end. */
  timesInAll = 0
  beganAt = 0
  pauseMs = firstPauseMs
  /** When the next line may be told. */
  dueAt = Number.NEGATIVE_INFINITY
  /** A line about it waits to be handed over; what happens until then is counted in. */
  isQueued = false
  isOver = true
  /** The end was told since the last line. */
  isEndTold = false

  constructor(level: LogLevel, isOthers: boolean) {
    this.#level = level
    this.#isOthers = isOthers
  }

  count(happening: Happening, now: number): void {
    if (this.isOver) {
      this.isOver = false
      this.beganAt = now
      this.timesInAll = 0
    }
    this.#latest = happening
    this.times++
    this.timesInAll++
    this.#records += happening.records ?? 0
    if (happening.partition !== undefined && this.#partitions.size < mostRemembered)
      this.#partitions.add(happening.partition)
  }

  forgetCounts(): void {
    this.times = 0
    this.#records = 0
    this.#partitions.clear()
  }

  lineAt(now: number): Line {
    const sinceMs = this.#toldAt === undefined ? undefined : now - this.#toldAt
    this.#toldAt = now
    return {
      level: this.#level,
      write: () => {
        const line = this.#write(sinceMs)
        this.isQueued = false
        this.forgetCounts()
        return line
      },
    }
  }

  #write(sinceMs: number | undefined): { message: string; fields: LogFields } {
    const { event, text, fields } = this.#latest!
    const counts: string[] = []
    if (sinceMs !== undefined) counts.push(`${counted(this.times, 'more time')} in the last ${spanText(sinceMs)}`)
    else if (this.times > 1) counts.push(`${this.times} times`)
    if (this.#records > 0) counts.push(counted(this.#records, 'record'))
    if (this.#partitions.size > 1) counts.push(`${this.#partitions.size} partitions`)
    if (sinceMs !== undefined && this.isOver) counts.push('all is well now')
    const what = this.#isOthers ? `more of other kinds or places, of late: ${text}` : text
    return {
      message: counts.length === 0 ? what : `${what} (${counts.join(', ')})`,
      fields: {
        event: this.#isOthers ? 'others' : event,
        ...(this.#isOthers ? {} : fields),
        ...(this.#partitions.size > 0 && {
          partitions: [...this.#partitions].sort((a, b) => a - b).slice(0, mostNamed),
        }),
        times: this.times,
        ...(this.#records > 0 && { records: this.#records }),
        ...(sinceMs !== undefined && { sinceMs: Math.round(sinceMs) }),
      },
    }
  }
}

/** A number of things. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** A span of time as people say it. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`
  return `${Number((ms / 60_000).toFixed(1))} min`
}
