// Flush on exit: a program that sends and ends, and loses nothing. Whatever is under way when the process ends is delivered first:
// when it returns, calls `process.exit()`, throws, or gets a SIGTERM or Ctrl-C that nobody listens to. SIGKILL takes it along.
import { createProducer } from 'ottla'

const producer = createProducer({
  bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092',
  flushOnExit: true,
  flushOnExitTimeoutMs: 30_000, // what is not delivered by then is counted on standard error
})

const RECORDS = 1000
let acknowledged = 0
for (let id = 0; id < RECORDS; id++) {
  producer.send({ topic: 'audit', value: `event ${id}` }, error => {
    if (!error) acknowledged++
  })
}

// The producer listens as well, and was first: by now all of them have their answer.
process.on('exit', () => {
  console.log(`at the end of the process: ${acknowledged} of ${RECORDS} acknowledged`)
  if (acknowledged < RECORDS) process.exitCode = 1
})

console.log(`leaving: ${acknowledged} of ${RECORDS} acknowledged`)
process.exit(0)
