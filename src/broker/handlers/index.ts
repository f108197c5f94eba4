import type { KafkaApiName } from '../api-names.ts'
import type { Handler } from '../call.ts'
import { apiVersionsHandler } from './api-versions.ts'
import { createTopicsHandler } from './create-topics.ts'
import { deleteTopicsHandler } from './delete-topics.ts'
import { describeClusterHandler } from './describe-cluster.ts'
import { describeConfigsHandler } from './describe-configs.ts'
import { fetchHandler } from './fetch.ts'
import { findCoordinatorHandler } from './find-coordinator.ts'
import { initProducerIdHandler } from './init-producer-id.ts'
import { listOffsetsHandler } from './list-offsets.ts'
import { metadataHandler } from './metadata.ts'
import { produceHandler } from './produce.ts'
import { saslAuthenticateHandler } from './sasl-authenticate.ts'
import { saslHandshakeHandler } from './sasl-handshake.ts'

/** All APIs that the broker answers, by key. */
export const handlers: ReadonlyMap<number, Handler> = new Map(
  [
    produceHandler,
    fetchHandler,
    listOffsetsHandler,
    metadataHandler,
    findCoordinatorHandler,
    saslHandshakeHandler,
    apiVersionsHandler,
    createTopicsHandler,
    deleteTopicsHandler,
    initProducerIdHandler,
    saslAuthenticateHandler,
    describeConfigsHandler,
    describeClusterHandler,
  ].map(handler => [handler.key, handler]),
)

export const handledApis: readonly KafkaApiName[] = [...handlers.values()].map(handler => handler.name)
