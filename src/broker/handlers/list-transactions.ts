import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'
import { type Transaction, type TransactionState, transactionStates } from '../transactions/transaction.ts'

const isState = (name: string): name is TransactionState => transactionStates.includes(name as TransactionState)

/** Those that this broker coordinates. Source: TransactionStateManager.listTransactionStates. */
export const listTransactionsHandler = handler('ListTransactions', apis.listTransactions, {
  handle(call) {
    const { body, cluster, brokerId } = call
    const fail = (errorCode: number) => ({ errorCode, unknownStateFilters: [], transactionStates: [] })
    const injected = anyInjectedError(call)
    if (injected) return fail(injected.code)
    const pattern = patternOf(body.transactionalIdPattern)
    if (pattern === 'invalid') return fail(errorNumber('INVALID_REGULAR_EXPRESSION'))
    const { stateFilters, producerIdFilters, durationFilter } = body
    const now = cluster.clock.wallTime()
    const isMeant = ({ id, state, producerId, startedAt }: Transaction) =>
      (stateFilters.length === 0 || stateFilters.includes(state)) &&
      (producerIdFilters.length === 0 || producerIdFilters.includes(producerId)) &&
      (durationFilter < 0n || (startedAt >= 0 && BigInt(now - startedAt) > durationFilter)) &&
      (pattern === null || pattern.test(id))
    const meant = cluster.transactions
      .all()
      .filter(one => cluster.transactionState.coordinatorOf(one.id) === brokerId && isMeant(one))
    return {
      errorCode: 0,
      unknownStateFilters: stateFilters.filter(name => !isState(name)),
      transactionStates: meant.map(({ id, producerId, state }) => ({
        ...{ transactionalId: id, producerId, transactionState: state },
      })),
    }
  },
})

/** The whole id has to match. Kafka's own expressions are RE2's; nothing that both understand means something else here. */
function patternOf(text: string | null): RegExp | null | 'invalid' {
  if (text === null || text === '') return null
  try {
    return new RegExp(`^(?:${text})$`, 'u')
  } catch {
    return 'invalid'
  }
}
