// kcat is librdkafka in C with delivery reports by callback. It reads its records from a file, one a line.

import { ask, report, settings } from './client.mjs'
import { payloadFile, run, toolReport } from './tool.mjs'

const versionText = await run('kcat', ['-V']).catch(() => null)
if (versionText === null) {
  report({ missing: 'kcat is not installed' })
} else if (!['throughput-callbacks', 'fire-and-forget', 'event-loop'].includes(settings.what)) {
  report({ skipped: 'has one form of sending: by callback' })
} else {
  const options = {
    acks: settings.acks,
    'enable.idempotence': settings.idempotent,
    'max.in.flight': settings.inFlight,
    'linger.ms': settings.lingerMs,
    'compression.codec': settings.codec,
    ...(settings.batchSize === 'own' ? {} : { 'batch.size': settings.batchSize }),
  }
  const file = await payloadFile({ keyed: settings.keyed, lines: settings.records })
  const args = ['-P', '-b', settings.bootstrap, '-t', settings.topic, '-l', file]
  if (settings.keyed) args.push('-K', ':')
  for (const [name, value] of Object.entries(options)) args.push('-X', `${name}=${value}`)
  await ask('warm')
  const usage = await toolReport('kcat', args)
  report({
    name: 'kcat',
    version: /Version ([\d.]+).*librdkafka ([\d.]+)/.exec(versionText)?.slice(1).join(', librdkafka '),
    options,
    records: settings.records,
    ...usage,
  })
}
