import { newestKafka } from '../../../scripts/kafka/versions.mjs'
import { describeKafkaTools } from '../kafka-tools-cells.ts'

describeKafkaTools(newestKafka, 'kafkaTools')
