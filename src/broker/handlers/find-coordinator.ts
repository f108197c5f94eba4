import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'

const groupKey = 0
const transactionKey = 1

/** Whoever leads the partition of the internal topic that holds the key's state. */
function coordinator(call: Call<unknown>, type: number, key: string) {
  const { cluster } = call
  const fail = (errorCode: number, errorMessage: string | null) => ({
    ...{ errorCode, errorMessage, nodeId: -1, host: '', port: -1 },
  })
  const injected = anyInjectedError(call)
  if (injected) return fail(injected.code, injected.message)
  if (type !== groupKey && type !== transactionKey)
    return fail(errorNumber('INVALID_REQUEST'), `coordinators of type ${type} are not kept here`)
  const topic = type === groupKey ? cluster.groupState : cluster.transactionState
  const node = cluster.node(topic.coordinatorOf(key))
  if (!node?.running) return fail(errorNumber('COORDINATOR_NOT_AVAILABLE'), 'the partition of its state has no leader')
  return { errorCode: 0, errorMessage: null, nodeId: node.id, host: node.host, port: node.port }
}

/** Source: KafkaApis.handleFindCoordinatorRequest. */
export const findCoordinatorHandler = handler('FindCoordinator', apis.findCoordinator, {
  handle(call) {
    const { key, keyType, coordinatorKeys } = call.body
    if (call.version < 4) return coordinator(call, keyType, key)
    return { coordinators: coordinatorKeys.map(one => ({ key: one, ...coordinator(call, keyType, one) })) }
  },
})
