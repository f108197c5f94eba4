// Runs a broker with a data folder until it is killed: node broker-process.js <dist> <dataDir>. Tells where it listens.
const [, , dist, dataDir] = process.argv
const { startBroker } = await import(`${dist}/broker/index.js`)
const config = { 'segment.bytes': 200_000 }
const broker = await startBroker({ dataDir, topics: { orders: { partitions: 2, config } } })
process.stdout.write(`${broker.bootstrapServers}\n`)
