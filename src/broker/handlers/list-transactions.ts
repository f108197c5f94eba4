import { Script } from 'node:vm'
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
    const { stateFilters, producerIdFilters, durationFilter } = body
    const now = cluster.clock.wallTime()
    const isMeant = ({ state, producerId, startedAt }: Transaction) =>
      (stateFilters.length === 0 || stateFilters.includes(state)) &&
      (producerIdFilters.length === 0 || producerIdFilters.includes(producerId)) &&
      (durationFilter < 0n || (startedAt >= 0 && BigInt(now - startedAt) > durationFilter))
    const candidates = cluster.transactions
      .all()
      .filter(one => cluster.transactionState.coordinatorOf(one.id) === brokerId && isMeant(one))
    const meant = matching(body.transactionalIdPattern, candidates)
    if (!meant) return fail(errorNumber('INVALID_REGULAR_EXPRESSION'))
    return {
      errorCode: 0,
      unknownStateFilters: stateFilters.filter(name => !isState(name)),
      transactionStates: meant.map(({ id, producerId, state }) => ({
        ...{ transactionalId: id, producerId, transactionState: state },
      })),
    }
  },
})

/** How long a pattern may take over all ids, in milliseconds. Kafka's engine (RE2) takes no more time than its text is long; V8's may. */
const patternTimeoutMs = 100
const select = new Script('const whole = new RegExp(pattern, "u"); ids.map(id => whole.test(id))')

/**
 * Those whose whole id matches; null where the pattern is none, or has the engine try without end. Kafka's own expressions are
 * RE2's; nothing that both understand means something else here.
 */
function matching(pattern: string | null, candidates: readonly Transaction[]): readonly Transaction[] | null {
  if (pattern === null || pattern === '') return candidates
  const ids = candidates.map(({ id }) => id)
  try {
    const sandbox = { ids, pattern: `^(?:${pattern})$` }
    const matches = select.runInNewContext(sandbox, { timeout: patternTimeoutMs }) as readonly boolean[]
    return candidates.filter((_, index) => matches[index])
  } catch {
    return null
  }
}
