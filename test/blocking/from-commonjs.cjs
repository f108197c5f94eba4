// node from-commonjs.cjs <folder of the built package> <bootstrap servers> <topic>
const { pathToFileURL } = require('node:url')

const [dist, bootstrapServers, topic] = process.argv.slice(2)
import(pathToFileURL(`${dist}/index.js`).href).then(({ createProducer }) => {
  const producer = createProducer({ bootstrapServers })
  const { offset } = producer.send({ topic, value: 'from CommonJS' }).get()
  producer.close().get()
  process.stdout.write(`offset ${offset}`)
})
