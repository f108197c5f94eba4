import type { ApiName } from '../wire/protocol/index.ts'

/** Kafka's name of an API, as in its definitions: `Produce`, `InitProducerId`. */
export type KafkaApiName = Capitalize<ApiName>
