import { createRequire } from 'node:module'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/** How the client names itself to brokers (KIP-511). Brokers refuse names with other characters than these. */
export const software = { name: 'ottla', version: version.replace(/[^a-zA-Z0-9.-]/g, '-') } as const
