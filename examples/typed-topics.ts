// Types per topic: the compiler knows what belongs to the key and the value of each.
import { createProducer } from 'ottla'

interface Order {
  id: number
  items: string[]
}

type Topics = {
  orders: { key: string; value: Order }
  temperatures: { key: string; value: { celsius: number } }
}

const producer = createProducer<Topics>({
  bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092',
  valueSerializer: 'json',
})

const { offset } = await producer.send({ topic: 'orders', key: 'user-42', value: { id: 1, items: ['tea'] } })
console.log(`order acknowledged at offset ${offset}`)

const reading = { topic: 'temperatures' as const, key: 'kitchen', value: { celsius: 21.5 } }
producer.send(reading, (error, metadata) => console.log(error?.code ?? `reading at offset ${metadata?.offset}`))

// @ts-expect-error an order is not a temperature
const wrong: Parameters<typeof producer.send>[0] = { topic: 'temperatures', value: { id: 2, items: [] } }
void wrong

await producer.close()
