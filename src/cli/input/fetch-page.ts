import { ScrapeError } from './producer-scrape.ts'

const TIMEOUT_MS = 5000
/** Ten thousand topics have less. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024

/** @throws ScrapeError that says why there is no page; what `stop` cuts off is its reason */
export async function fetchPage(url: string, stop: AbortSignal): Promise<string> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const response = await fetch(url, { signal: AbortSignal.any([stop, timeout]) })
    const page = await textOf(response, url)
    if (!response.ok) throw new ScrapeError(`${url} answers ${response.status}${firstLine(page)}`)
    return page
  } catch (error) {
    if (error instanceof ScrapeError) throw error
    stop.throwIfAborted()
    if (timeout.aborted) throw new ScrapeError(`${url} has not answered within ${TIMEOUT_MS / 1000} s`)
    throw new ScrapeError(`${url} cannot be read: ${reasonOf(error)}`)
  }
}

async function textOf(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MAX_PAGE_BYTES) throw new ScrapeError(`${url} has more than ${MAX_PAGE_BYTES / 1024 ** 2} MiB`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** An answer that is meant for people has its reason in its first line. */
function firstLine(page: string): string {
  const line = page.split('\n', 1)[0]!.trim()
  return line === '' || line.startsWith('<') ? '' : `: ${line.slice(0, 200)}`
}

/** fetch hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: NodeJS.ErrnoException }
  if (cause?.code === 'ECONNREFUSED')
    return 'nobody listens there. A program serves its metrics with startMetricsServer, ottla produce with --metrics-port'
  return cause?.message || cause?.code || (error as Error).message
}
