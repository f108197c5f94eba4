import type { CourierSettings } from './messages.ts'

/** What the courier's cluster must know: plain data, since it crosses to another thread. */
export function courierSettings(options: CourierSettings): CourierSettings {
  const { bootstrapServers, clientId, requestTimeoutMs, connectionsMaxIdleMs } = options
  const { retryBackoffMs, retryBackoffMaxMs, reconnectBackoffMs, reconnectBackoffMaxMs } = options
  const { socketConnectionSetupTimeoutMs, socketConnectionSetupTimeoutMaxMs } = options
  const { metadataMaxAgeMs, metadataMaxIdleMs } = options
  const { metadataRecoveryStrategy, metadataRecoveryRebootstrapTriggerMs } = options
  return {
    bootstrapServers: bootstrapServers.map(({ host, port }) => ({ host, port })),
    clientId,
    requestTimeoutMs,
    connectionsMaxIdleMs,
    retryBackoffMs,
    retryBackoffMaxMs,
    reconnectBackoffMs,
    reconnectBackoffMaxMs,
    socketConnectionSetupTimeoutMs,
    socketConnectionSetupTimeoutMaxMs,
    metadataMaxAgeMs,
    metadataMaxIdleMs,
    metadataRecoveryStrategy,
    metadataRecoveryRebootstrapTriggerMs,
  }
}
