import { type PageSample, pageSamples } from './prometheus-text.ts'

const PREFIX = 'kafka_producer_'

/** The numbers of one histogram, each bucket with those of the smaller ones. */
export interface Distribution {
  /** In ascending order; the last one is infinite. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
  readonly sum: number
  readonly count: number
}

/** What one scrape says of one producer. */
export class ProducerScrape {
  /** When it was made, in monotonic milliseconds. */
  readonly at: number
  readonly #byName = new Map<string, PageSample[]>()

  constructor(at: number, samples: readonly PageSample[]) {
    this.at = at
    for (const sample of samples) {
      const name = sample.name.slice(PREFIX.length)
      const others = this.#byName.get(name)
      if (others === undefined) this.#byName.set(name, [sample])
      else others.push(sample)
    }
  }

  /** The numbers of a family, without its prefix, by one of its labels: `of('records_sent_total', 'topic')`. */
  by(name: string, label: string): Map<string, number> {
    return new Map((this.#byName.get(name) ?? []).map(({ labels, value }) => [labels[label] ?? '', value]))
  }

  samples(name: string): readonly PageSample[] {
    return this.#byName.get(name) ?? []
  }

  /** undefined where nothing was measured. */
  number(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return this.samples(name).find(sample => matches(sample, labels))?.value
  }

  /** All that fit the labels, added up. */
  distribution(name: string, labels: Readonly<Record<string, string>> = {}): Distribution {
    const counts = new Map<number, number>()
    for (const sample of this.samples(`${name}_bucket`)) {
      if (!matches(sample, labels)) continue
      const le = sample.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample.labels.le)
      counts.set(le, (counts.get(le) ?? 0) + sample.value)
    }
    const sumOf = (part: string) =>
      this.samples(`${name}_${part}`)
        .filter(sample => matches(sample, labels))
        .reduce((sum, { value }) => sum + value, 0)
    const buckets = [...counts].map(([le, count]) => ({ le, count })).toSorted((a, b) => a.le - b.le)
    return { buckets, sum: sumOf('sum'), count: sumOf('count') }
  }
}

const matches = (sample: PageSample, labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([label, value]) => sample.labels[label] === value)

/** A page that says nothing of the producer that is asked for, in the words of the person who asked. */
export class ScrapeError extends Error {
  override readonly name = 'ScrapeError'
}

/**
 * What a page says of the producer with this client id; without one, of the only producer there is.
 *
 * @throws ScrapeError where it says nothing of it, or more than one could be meant
 */
export function producerOfPage(
  page: string,
  url: string,
  wanted: string | undefined,
  at: number,
): { readonly clientId: string; readonly scrape: ProducerScrape } {
  const samples = pageSamples(page, PREFIX)
  if (samples === undefined) throw new ScrapeError(`what ${url} answers is no page of Prometheus metrics`)
  const clientIds = [...new Set(samples.map(({ labels }) => labels.client_id ?? ''))]
  const named = clientIds.map(clientId => JSON.stringify(clientId)).join(', ')
  const [only] = clientIds
  if (only === undefined) throw new ScrapeError(`there are no metrics of a producer at ${url}`)
  if (wanted !== undefined && !clientIds.includes(wanted))
    throw new ScrapeError(`there is no producer ${JSON.stringify(wanted)} at ${url}, but ${named}`)
  if (wanted === undefined && clientIds.length > 1)
    throw new ScrapeError(`there are ${clientIds.length} producers at ${url}: ${named}; say which with --producer`)
  const clientId = wanted ?? only
  const own = samples.filter(({ labels }) => (labels.client_id ?? '') === clientId)
  return { clientId, scrape: new ProducerScrape(at, own) }
}
