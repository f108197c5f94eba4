import { runTool } from '../../scripts/kafka/java.mjs'

/** The states that `kafka-transactions list` prints, by transactional id. */
export async function listedTransactions(bootstrapServers: string): Promise<Map<string, string>> {
  const listed = (await runTool('TransactionsCommand', ['--bootstrap-server', bootstrapServers, 'list'])).toString()
  const [head = '', ...rows] = listed.trimEnd().split('\n')
  if (!/^TransactionalId\s+Coordinator\s+ProducerId\s+TransactionState/.test(head))
    throw new Error(`not what kafka-transactions prints: ${listed}`)
  return new Map(rows.map(row => row.trim().split(/\s+/)).map(([id = '', , , state = '']) => [id, state]))
}

/** What `kafka-transactions find-hanging` prints of a topic: transactions under way in a log that no coordinator knows of. */
export async function hangingTransactions(bootstrapServers: string, topic: string): Promise<string[]> {
  const args = ['--bootstrap-server', bootstrapServers, 'find-hanging', '--topic', topic]
  // It looks only at those that are older than any transaction may become, which is 0 minutes here.
  const found = (await runTool('TransactionsCommand', [...args, '--max-transaction-timeout', '0'])).toString()
  return found.split('\n').filter(line => line.startsWith(topic))
}
