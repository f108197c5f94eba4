import { invariant } from '../../base/invariant.ts'
import type { Batch } from '../accumulator/batch.ts'
import { addToSequence, type PartitionQueue } from '../accumulator/partition-queue.ts'
import type { IdentitySource } from './identity-source.ts'

/**
 * Gives the first waiting batch of a partition its place in the sequence. False where it has to wait: for a producer id, or
 * until everything sent under an older identity is resolved.
 */
export function readyToSend(queue: PartitionQueue, identity: IdentitySource): boolean {
  const head = queue.waiting[0]
  invariant(head !== undefined && head.state === 'sealed', 'only a sealed batch is made ready')
  if (head.stamp !== undefined) {
    // Behind a gap these would only be refused. Where it is certain that none of them is in the log, begin anew at once.
    if (queue.hasGap && queue.inFlight.length === 0 && stampedOf(queue).every(batch => batch.canBeStampedAgain))
      return startOver(queue, identity)
    return true // the same bytes under the same sequence: the broker recognises what it already has
  }
  if (queue.hasGap) {
    if (queue.inFlight.length > 0 || !startOver(queue, identity)) return false
  } else if (queue.identity === undefined || queue.identity !== identity.current) {
    if (queue.inFlight.length > 0) return false
    const current = identity.current
    if (current === undefined) {
      identity.request()
      return false
    }
    beginAt(queue, current)
  }
  stampNext(queue, head)
  return true
}

const stampedOf = (queue: PartitionQueue): Batch[] => queue.waiting.filter(batch => batch.stamp !== undefined)

function beginAt(queue: PartitionQueue, identity: NonNullable<PartitionQueue['identity']>): void {
  queue.identity = identity
  queue.nextSequence = 0
  queue.confirmed = false
}

/** Takes a newer epoch, which fences everything sent before, and numbers the waiting batches from 0. */
function startOver(queue: PartitionQueue, identity: IdentitySource): boolean {
  if (queue.identity === identity.current) identity.bump()
  const current = identity.current
  if (current === undefined) {
    identity.request()
    return false
  }
  beginAt(queue, current)
  queue.hasGap = false
  for (const batch of stampedOf(queue)) stampNext(queue, batch)
  return true
}

function stampNext(queue: PartitionQueue, batch: Batch): void {
  const { identity } = queue
  invariant(identity !== undefined, 'a sequence belongs to an identity')
  batch.stampWith({
    producerId: identity.producerId,
    producerEpoch: identity.producerEpoch,
    baseSequence: queue.nextSequence,
  })
  queue.nextSequence = addToSequence(queue.nextSequence, batch.writtenCount)
}

/**
 * A batch was given up. What it means for the sequence: nothing, if it is certainly not in the log and was the last one
 * numbered; a gap otherwise.
 */
export function giveUpSequence(queue: PartitionQueue, batch: Batch): void {
  const { stamp } = batch
  if (stamp === undefined || queue.identity === undefined) return
  const isCurrent =
    stamp.producerId === queue.identity.producerId && stamp.producerEpoch === queue.identity.producerEpoch
  if (!isCurrent) return
  const wasLast = addToSequence(stamp.baseSequence, batch.writtenCount) === queue.nextSequence
  if (batch.outcome === 'not-written' && wasLast && !queue.hasGap) queue.nextSequence = stamp.baseSequence
  else queue.hasGap = true
}

/** Gives the parts of a split batch the numbers that the whole had. */
export function stampParts(whole: Batch, parts: readonly Batch[], seal: (batch: Batch) => void): void {
  let sequence = whole.stamp?.baseSequence ?? 0
  let order = whole.sendOrder
  for (const part of parts) {
    part.sendOrder = order
    order += part.count
    seal(part)
    if (whole.stamp === undefined) continue
    invariant(part.state === 'sealed', 'a part of a stamped batch is sealed at once')
    part.stampWith({ ...whole.stamp, baseSequence: sequence })
    sequence = addToSequence(sequence, part.count)
  }
}
