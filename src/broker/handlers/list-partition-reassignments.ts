import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** Replicas are moved at once here, so none is ever on its way. Source: ReplicationControlManager.listPartitionReassignments. */
export const listPartitionReassignmentsHandler = handler(
  'ListPartitionReassignments',
  apis.listPartitionReassignments,
  {
    handle(call) {
      const injected = anyInjectedError(call)
      return { errorCode: injected?.code ?? 0, errorMessage: injected?.message ?? null, topics: [] }
    },
  },
)
