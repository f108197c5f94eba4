import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

const groupType = 'classic'

/** The groups of this broker, by state and type where a filter says so; case does not matter. Source: GroupMetadataManager.listGroups. */
export const listGroupsHandler = handler('ListGroups', apis.listGroups, {
  handle(call) {
    const { body, cluster } = call
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, groups: [] }
    const passes = (filter: readonly string[], value: string) =>
      filter.length === 0 || filter.some(one => one.toLowerCase() === value.toLowerCase())
    const groups = cluster.groups
      .list()
      .filter(({ groupId }) => cluster.groupState.refusal(call, groupId) === null)
      .filter(({ state }) => passes(body.statesFilter, state) && passes(body.typesFilter, groupType))
      .map(({ groupId, protocolType, state }) => ({
        ...{ groupId, protocolType: protocolType ?? '', groupState: state, groupType },
      }))
    return { errorCode: 0, groups }
  },
})
