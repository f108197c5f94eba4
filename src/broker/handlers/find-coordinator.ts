import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'

/** Every broker is the coordinator of all that it is asked for: they share one state. */
function coordinator(call: Call<unknown>) {
  const injected = anyInjectedError(call)
  const node = injected ? undefined : call.cluster.node(call.brokerId)
  return {
    errorCode: node ? 0 : (injected?.code ?? errorNumber('COORDINATOR_NOT_AVAILABLE')),
    errorMessage: injected?.message ?? null,
    nodeId: node?.id ?? -1,
    host: node?.host ?? '',
    port: node?.port ?? -1,
  }
}

export const findCoordinatorHandler = handler('FindCoordinator', apis.findCoordinator, {
  handle(call) {
    if (call.version < 4) return coordinator(call)
    return { coordinators: call.body.coordinatorKeys.map(key => ({ key, ...coordinator(call) })) }
  },
})
