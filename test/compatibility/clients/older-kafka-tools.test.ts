import { olderTools } from '../install.ts'
import { describeKafkaTools } from '../kafka-tools-cells.ts'

describeKafkaTools(olderTools, 'olderKafkaTools')
