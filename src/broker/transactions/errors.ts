/** From which version an API's clients know PRODUCER_FENCED; before, they get INVALID_PRODUCER_EPOCH (KIP-588). Source: KafkaApis. */
const knowFenced = {
  InitProducerId: 4,
  AddPartitionsToTxn: 2,
  AddOffsetsToTxn: 2,
  EndTxn: 2,
} as const

/** From which version they know TRANSACTION_ABORTABLE (KIP-890); before, they get INVALID_TXN_STATE. */
const knowAbortable = {
  InitProducerId: 5,
  AddPartitionsToTxn: 4, // v4 is spoken by brokers, which translate for their clients
  AddOffsetsToTxn: 4,
  EndTxn: 4,
} as const

/** An error as a client of this version understands it. */
export function errorForVersion(api: keyof typeof knowFenced, version: number, error: string): string {
  if (error === 'PRODUCER_FENCED' && version < knowFenced[api]) return 'INVALID_PRODUCER_EPOCH'
  if (error === 'TRANSACTION_ABORTABLE' && version < knowAbortable[api]) return 'INVALID_TXN_STATE'
  return error
}
