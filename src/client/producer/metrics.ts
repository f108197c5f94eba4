import type { Batch } from '../accumulator/batch.ts'
import type { MemoryBudget } from '../accumulator/memory-budget.ts'
import type { SettlementCounters } from '../sender/settlement.ts'

/** Plain fields, counted per batch: reading them costs nothing while nobody does. */
export class ProducerCounters {
  acknowledgedRecords = 0
  failedRecords = 0
  undelivered = 0
  errors = 0

  acknowledged(batch: Batch): void {
    this.acknowledgedRecords += batch.writtenCount
  }

  failed(batch: Batch): void {
    this.failedRecords += batch.writtenCount
  }
}

export interface MetricSources {
  readonly counters: ProducerCounters
  readonly settlement: SettlementCounters
  readonly budget: MemoryBudget
  readonly requestsInFlight: number
  readonly waitingRecords: number
}

const average = (sum: number, count: number) => (count === 0 ? Number.NaN : sum / count)

/** Kafka's names where Kafka has one (group producer-metrics), else ours. Totals since the producer was made. */
export function metricsOf({
  counters,
  settlement,
  budget,
  requestsInFlight,
  waitingRecords,
}: MetricSources): Record<string, number> {
  return {
    'record-send-total': settlement.records,
    'record-retry-total': settlement.retriedRecords,
    'record-error-total': counters.failedRecords,
    'record-acknowledged-total': counters.acknowledgedRecords,
    'record-undelivered-total': counters.undelivered,
    'request-total': settlement.requests,
    'outgoing-byte-total': settlement.requestBytes,
    'records-per-request-avg': average(settlement.records, settlement.requests),
    'batch-size-avg': average(settlement.requestBytes, settlement.batches),
    'batch-split-total': settlement.splits,
    'request-latency-avg': average(settlement.requestLatencyMs, settlement.requests),
    'request-latency-max': settlement.requestLatencyMaxMs,
    'produce-throttle-time-avg': average(settlement.throttleMs, settlement.requests),
    'produce-throttle-time-max': settlement.throttleMaxMs,
    'requests-in-flight': requestsInFlight,
    'buffer-total-bytes': budget.totalBytes,
    'buffer-available-bytes': Math.max(0, budget.freeBytes),
    'waiting-records': waitingRecords,
  }
}
