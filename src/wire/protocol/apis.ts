import type { Message } from './message.ts'
import { apiVersionsRequest, apiVersionsResponse } from './messages/api-versions.ts'
import { createTopicsRequest, createTopicsResponse } from './messages/create-topics.ts'
import { deleteTopicsRequest, deleteTopicsResponse } from './messages/delete-topics.ts'
import { describeClusterRequest, describeClusterResponse } from './messages/describe-cluster.ts'
import { describeConfigsRequest, describeConfigsResponse } from './messages/describe-configs.ts'
import { fetchRequest, fetchResponse } from './messages/fetch.ts'
import { findCoordinatorRequest, findCoordinatorResponse } from './messages/find-coordinator.ts'
import { initProducerIdRequest, initProducerIdResponse } from './messages/init-producer-id.ts'
import { listOffsetsRequest, listOffsetsResponse } from './messages/list-offsets.ts'
import { metadataRequest, metadataResponse } from './messages/metadata.ts'
import { produceRequest, produceResponse } from './messages/produce.ts'
import { saslAuthenticateRequest, saslAuthenticateResponse } from './messages/sasl-authenticate.ts'
import { saslHandshakeRequest, saslHandshakeResponse } from './messages/sasl-handshake.ts'

/**
 * A request and what answers it. A function over all APIs reads
 * `<Q extends Message, A extends Message>(api: Api<Q, A>, body: Draft<Q>) => Promise<Body<A>>`.
 */
export interface Api<Q extends Message = Message, A extends Message = Message> {
  readonly request: Q
  readonly response: A
  /**
   * The lowest version a broker announces in ApiVersions, where that is not the lowest it understands: librdkafka finds
   * no version for old codecs unless Produce begins at 0 (KAFKA-18659; ApiKeys.PRODUCE_API_VERSIONS_RESPONSE_MIN_VERSION).
   */
  readonly announcedFrom?: number
}

/** Every API whose tables we have, by Kafka's name. */
export const apis = {
  produce: { request: produceRequest, response: produceResponse, announcedFrom: 0 },
  fetch: { request: fetchRequest, response: fetchResponse },
  listOffsets: { request: listOffsetsRequest, response: listOffsetsResponse },
  metadata: { request: metadataRequest, response: metadataResponse },
  findCoordinator: { request: findCoordinatorRequest, response: findCoordinatorResponse },
  saslHandshake: { request: saslHandshakeRequest, response: saslHandshakeResponse },
  apiVersions: { request: apiVersionsRequest, response: apiVersionsResponse },
  createTopics: { request: createTopicsRequest, response: createTopicsResponse },
  deleteTopics: { request: deleteTopicsRequest, response: deleteTopicsResponse },
  initProducerId: { request: initProducerIdRequest, response: initProducerIdResponse },
  describeConfigs: { request: describeConfigsRequest, response: describeConfigsResponse },
  saslAuthenticate: { request: saslAuthenticateRequest, response: saslAuthenticateResponse },
  describeCluster: { request: describeClusterRequest, response: describeClusterResponse },
} as const satisfies { readonly [name: string]: Api }

export type ApiName = keyof typeof apis

const byKey = new Map<number, Api>(Object.values(apis).map(api => [api.request.key, api]))

/** The API with this key, or undefined where it is none of ours. */
export const apiByKey = (key: number): Api | undefined => byKey.get(key)

/** Whether header and body of this version carry tagged fields (KIP-482); false for APIs that are none of ours. */
export const isFlexible = (key: number, version: number): boolean =>
  version >= (byKey.get(key)?.request.flexibleFrom ?? Number.POSITIVE_INFINITY)
