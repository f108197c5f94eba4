import {
  BrokerError,
  type BrokerErrorCode,
  brokerErrorCode,
  ClosedError,
  CommitUnknownError,
  KafkaError,
  type Outcome,
  UnsupportedVersionError,
} from '../../base/errors/index.ts'
import { invariant } from '../../base/invariant.ts'
import type { CallTarget } from '../../wire/network/index.ts'
import type { PartitionQueue, ProducerIdentity } from '../accumulator/partition-queue.ts'
import {
  type ControlLinks,
  type ControlOptions,
  ControlQueue,
  type ControlRequest,
  type Reaction,
} from './control-queue.ts'
import type { IdentitySource } from './identity-source.ts'
import { MarkerWait } from './marker-wait.ts'
import { type CheckedOffsets, TransactionRequests } from './transaction-requests.ts'
import { again, type TransactionCall, TransactionStates } from './transaction-states.ts'
import { isFatalForRecords, isFenced, type TransactionRequest, transactionVerdict } from './transaction-verdict.ts'

/**
 * Who tells the coordinator what belongs to a transaction.
 *
 * explicit  this client does, with AddPartitionsToTxn and AddOffsetsToTxn; one epoch lasts for many transactions.
 * implicit  the brokers do, as records come in, and each end raises the epoch (KIP-890; `transaction.version` 2).
 */
export type TransactionProtocol = 'explicit' | 'implicit'

export interface TransactionEvents {
  /** There is an identity, or partitions belong to the transaction now: senders may look again. */
  onMaySend(): void
  /** Nothing more of the transaction is sent: whatever is not on the wire must fail, with what `stoppedError` says. */
  onStopped(): void
}

export interface TransactionOptions extends ControlOptions {
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
}

type Done = (error?: KafkaError) => void

/** The end of a transaction that is under way. */
interface End {
  readonly committed: boolean
  request: ControlRequest | undefined
  /** The cluster may have been asked already. */
  isAsked: boolean
  /** An attempt had no answer, or one that says nothing of how far it came. */
  isDoubtful: boolean
  waiting: Done[]
  /** It is done, and whoever waited had given up: for whoever asks again. */
  isDone: boolean
}

/**
 * The transactions of one producer: what state they are in, under which identity records are sent, and what the coordinators
 * are asked. docs/decisions/8-transactions.md has the invariants.
 *
 * It owns every wait on a coordinator. That records are settled before a transaction is ended is for its caller to see to
 * (`end` comes after it); time-outs of calls are the caller's as well: what it gives up waiting for goes on here.
 */
export class Transactions implements IdentitySource {
  readonly #options: TransactionOptions
  readonly #events: TransactionEvents
  readonly #states = new TransactionStates()
  readonly #control: ControlQueue
  readonly #requests: TransactionRequests
  readonly #markers: MarkerWait
  #identity: ProducerIdentity | undefined
  /** Latched: it changes between two transactions only. */
  #protocol: TransactionProtocol = 'explicit'
  /** The newest word on `transaction.version`, of whichever broker. */
  #seen = { epoch: -2n, level: 0 }
  /** Why there is an error state. */
  #error: KafkaError | undefined
  #initWaiting: Done[] = []

  // ---- of the present transaction
  /** What partitions of it are marked with. */
  #mark: object = {}
  readonly #toAdd = new Set<PartitionQueue>()
  #adding: ControlRequest | undefined
  readonly #groups = new Set<string>()
  /** The coordinator knows of it (`yes`), or might. */
  #known: 'no' | 'maybe' | 'yes' = 'no'
  /** Explicit only: something late may still arrive under this epoch, so that the next transaction needs a newer one. */
  #isTainted = false
  #isRenewing = false
  #end: End | undefined
  /** A call whose wait was given up, and that has succeeded since: it may be made again, to learn so. */
  #unseen: TransactionCall | undefined

  constructor(options: TransactionOptions, links: ControlLinks, events: TransactionEvents) {
    this.#options = options
    this.#events = events
    this.#control = new ControlQueue(links, options)
    this.#requests = new TransactionRequests(options.transactionalId, {
      onTarget: target => this.#look(target),
      onLost: request => this.#lost(request),
      decide: (request, code, what) => this.#decide(request, code, what),
      onFailed: error => this.#cannotAsk(error),
    })
    this.#markers = new MarkerWait(this.#control, this.#requests, options.clock, () => events.onMaySend())
  }

  get transactionalId(): string {
    return this.#options.transactionalId
  }

  get protocol(): TransactionProtocol {
    return this.#protocol
  }

  get takesRecords(): boolean {
    return this.#states.state === 'in-transaction'
  }

  get isInitialized(): boolean {
    return !this.#states.is('uninitialized', 'initializing')
  }

  get mayAbort(): boolean {
    return this.#states.is('in-transaction', 'abortable-error')
  }

  /** How the transaction that is open now ends if nothing else is decided: it is aborted, or (true) its commit awaited. */
  get pendingEnd(): boolean | undefined {
    if (this.#states.is('committing', 'commit-unknown')) return true
    return this.mayAbort || this.#states.is('aborting') ? false : undefined
  }

  /** What is wrong, or was last: for the messages of time-outs. */
  get lastError(): KafkaError | undefined {
    return this.#error ?? this.#control.lastError
  }

  // ---- as the identity of batches

  get current(): ProducerIdentity | undefined {
    return this.#isRenewing || !this.#states.is('in-transaction', 'committing') ? undefined : this.#identity
  }

  /** Identities come with `initTransactions` and with the end of each transaction. */
  request(): void {}

  prepare(done: () => void): void {
    done()
  }

  handOver(): void {
    this.#control.handOver()
  }

  takeBack(): void {
    this.#control.takeBack()
  }

  bump(): void {
    const text = 'the sequence of a partition was lost: its topic was made anew, or a record before was given up'
    this.recordFailed(new KafkaError('SEQUENCE_LOST', text))
  }

  forget(): void {}

  brokerReady(brokerId: number): void {
    this.#control.brokerReady(brokerId)
  }

  /** Ends everything; who still waits is told. */
  close(): void {
    const error = new ClosedError('the producer was closed')
    this.#control.close(error)
    const end = this.#end
    if (end !== undefined) {
      this.#end = undefined
      const unknown = end.committed && end.isAsked
      tellAll(end.waiting, unknown ? this.#commitUnknown('the producer was closed before the answer came') : error)
    }
    tellAll(this.#initWaiting, error)
  }

  // ---- records

  /**
   * Whether batches of this partition may be sent now; where not, `onMaySend` tells when to ask again, or the batch fails.
   * Explicit: the partition is first added to the transaction, with all others that ask in this turn.
   */
  maySend(queue: PartitionQueue): boolean {
    if (this.current === undefined) return false
    if (queue.transaction === this.#mark) return true
    if (this.#protocol === 'implicit') {
      if (this.#markers.isGoingOn) return false
      queue.transaction = this.#mark
      this.#known = 'yes'
      return true
    }
    this.#toAdd.add(queue)
    if (this.#adding === undefined) this.#addPartitions()
    return false
  }

  /** Why nothing of the transaction is sent any more, for a record of it; undefined: it is. */
  stoppedError(outcome: Outcome): KafkaError | undefined {
    switch (this.#states.state) {
      case 'fatal-error':
        return again(this.#error!, outcome)
      case 'abortable-error':
      case 'aborting': {
        const reason =
          this.#error === undefined ? 'the transaction is aborted' : `the transaction failed: ${this.#error.message}`
        return new KafkaError('TRANSACTION_ABORTED', `not sent, because ${reason}`, { outcome, cause: this.#error })
      }
      default:
        return undefined
    }
  }

  /** A record of the transaction will not be in it. */
  recordFailed(error: KafkaError, of?: string): void {
    if (this.#known !== 'no' && this.#states.is('in-transaction', 'committing', 'aborting')) this.#isTainted = true
    if (!this.#states.is('in-transaction', 'committing')) return
    const where = of === undefined ? '' : ` for ${of}`
    const message = `a record${where} of the transaction failed, so it can only be aborted: ${error.message}`
    if (isFatalForRecords(error.code)) this.#fail(fatal(error, error.message))
    else this.#stop(new BrokerError(abortableCode.name, abortableCode.code, message, { abortable: true, cause: error }))
  }

  // ---- calls

  /** Why this call is refused now; undefined: it may be made. */
  refusal(call: TransactionCall): KafkaError | undefined {
    return this.#states.refusal(call, this.#error)
  }

  #check(call: TransactionCall): void {
    const refusal = this.refusal(call)
    if (refusal !== undefined) throw refusal
  }

  /** Throws where it is refused. */
  init(done: Done): void {
    if (this.#isUnseen('initTransactions')) {
      done()
      return
    }
    this.#check('initTransactions')
    this.#initWaiting.push(done)
    if (this.#states.is('initializing')) return
    this.#states.move('initializing')
    this.#askIdentity(undefined)
  }

  #isUnseen(call: TransactionCall): boolean {
    return this.#unseen === call && this.#states.is('ready')
  }

  begin(): void {
    this.#check('beginTransaction')
    this.#unseen = undefined
    this.#states.move('in-transaction')
    this.#mark = {}
    this.#toAdd.clear()
    this.#groups.clear()
    this.#known = 'no'
    this.#error = undefined
    invariant(this.#adding === undefined && this.#end === undefined, 'a transaction begins with nothing under way')
    if (this.#protocol === 'implicit') this.#markers.begin()
  }

  sendOffsets(given: CheckedOffsets, done: Done): void {
    this.#check('sendOffsetsToTransaction')
    if (given.offsets.length === 0) {
      done()
      return
    }
    const { groupId } = given.group
    const mark = this.#mark
    if (this.#protocol === 'implicit') this.#known = 'yes'
    else if (!this.#groups.has(groupId)) {
      this.#groups.add(groupId)
      const added = () => {
        if (mark === this.#mark) this.#known = 'yes'
      }
      this.#control.add(
        this.#requests.addOffsets(
          () => this.#identity!,
          groupId,
          added,
          () => this.#groups.delete(groupId),
        ),
      )
    }
    const told = (problem?: KafkaError | 'refused') =>
      done(problem === 'refused' ? (this.#error ?? this.stoppedError('not-written')) : problem)
    this.#control.add(this.#requests.commitOffsets(() => this.#identity!, given, this.#newestVersion, told))
  }

  /**
   * Nothing more is added. Records that are under way are to be settled, then `end` is called with what is returned here; undefined: that
   * is under way already. Throws where it is refused.
   */
  beginEnd(committed: boolean, done: Done): object | undefined {
    if (!committed && this.#isUnseen('abortTransaction')) {
      done()
      return undefined
    }
    this.#check(committed ? 'commitTransaction' : 'abortTransaction')
    if (this.#end !== undefined) {
      this.#join(this.#end, done)
      return undefined
    }
    const end: End = {
      committed,
      request: undefined,
      isAsked: false,
      isDoubtful: false,
      waiting: [done],
      isDone: false,
    }
    this.#end = end
    if (committed) this.#states.move('committing')
    else {
      this.#states.move('aborting')
      this.#toAdd.clear()
      this.#control.clear(this.stoppedError('not-written')!)
    }
    return end
  }

  #join(end: End, done: Done): void {
    if (this.#states.is('commit-unknown')) this.#states.move('committing')
    end.waiting.push(done)
    if (end.isDone) this.#settle(end)
  }

  /** All records are settled: the cluster is asked, unless it knows nothing of the transaction. */
  end(begun: object): void {
    const end = this.#end
    if (end === undefined || end !== begun) return
    this.#markers.stop()
    if (this.#known === 'no' && this.#control.isEmpty) {
      this.#ended(end, undefined)
      return
    }
    end.request = this.#requests.end(
      () => this.#identity!,
      end.committed,
      this.#newestVersion,
      () => {
        end.isAsked = true
      },
      next => this.#ended(end, next),
    )
    this.#control.add(end.request)
  }

  /** Whoever waited gives up: what they are to be told. */
  giveUp(done: Done, cause: KafkaError): KafkaError {
    const end = this.#end
    if (end === undefined || !end.waiting.includes(done)) return cause
    end.waiting = end.waiting.filter(other => other !== done)
    if (!end.committed || end.waiting.length > 0)
      return end.committed && end.isAsked ? this.#commitUnknown(cause.message, cause) : cause
    if (end.isAsked) {
      this.#states.move('commit-unknown')
      return this.#commitUnknown(cause.message, cause)
    }
    // Nobody was asked to commit anything yet: the transaction is open as before.
    this.#end = undefined
    if (end.request !== undefined) this.#control.remove(end.request)
    this.#states.move('in-transaction')
    return cause
  }

  giveUpInit(done: Done): void {
    this.#initWaiting = this.#initWaiting.filter(other => other !== done)
  }

  #commitUnknown(why: string, cause?: KafkaError, isFatal = false): CommitUnknownError {
    const next = isFatal ? 'close() this producer' : 'commitTransaction() again, or close()'
    return new CommitUnknownError(
      `whether the transaction of ${this.#options.transactionalId} was committed is not known: ${why}; allowed: ${next}`,
      { fatal: isFatal, cause },
    )
  }

  // ---- what is asked

  /** A new identity: the first one, or (`of`) a newer epoch of the one there is, which fences whatever is late. */
  #askIdentity(of: ProducerIdentity | undefined): void {
    const { transactionTimeoutMs } = this.#options
    this.#control.add(
      this.#requests.initProducerId(of, transactionTimeoutMs, identity => {
        this.#identity = identity
        this.#isRenewing = false
        this.#isTainted = false
        if (this.#states.is('initializing')) {
          this.#protocol = this.#wanted
          this.#error = undefined
          this.#states.move('ready')
          if (this.#initWaiting.length === 0) this.#unseen = 'initTransactions'
        }
        tellAll(this.#initWaiting)
        this.#events.onMaySend()
      }),
    )
  }

  /** Of TxnOffsetCommit and EndTxn, alike: by v5 brokers know that the client speaks the implicit protocol. */
  get #newestVersion(): number {
    return this.#protocol === 'implicit' ? 5 : 4
  }

  get #wanted(): TransactionProtocol {
    return this.#seen.level >= 2 ? 'implicit' : 'explicit'
  }

  /** KIP-584: the finalized feature decides, and of what brokers say the newest. */
  #look({ finalizedFeatures: { epoch, levels } }: CallTarget): void {
    if (epoch > this.#seen.epoch) this.#seen = { epoch, level: levels.get('transaction.version')?.[1] ?? 0 }
  }

  #addPartitions(): void {
    const mark = this.#mark
    const added = (queue: PartitionQueue) => {
      if (mark !== this.#mark) return
      queue.transaction = mark
      this.#known = 'yes'
      this.#toAdd.delete(queue)
    }
    const ended = () => {
      this.#adding = undefined
      if (this.#toAdd.size > 0 && this.#states.is('in-transaction', 'committing')) this.#addPartitions()
      this.#events.onMaySend()
    }
    this.#adding = this.#requests.addPartitions(() => this.#identity!, this.#toAdd, added, ended)
    this.#control.add(this.#adding)
  }

  #ended(end: End, next: ProducerIdentity | undefined): void {
    const wasExplicit = this.#protocol === 'explicit'
    if (next !== undefined) {
      this.#markers.ended()
      this.#identity = next
      this.#isTainted = false
    }
    this.#mark = {}
    // Between two transactions: what is to be avoided is a late copy of anything in the next one (KAFKA-17754).
    this.#protocol = this.#wanted
    if (wasExplicit && (this.#isTainted || this.#protocol === 'implicit')) this.#renew()
    this.#settle(end)
  }

  #renew(): void {
    this.#isRenewing = true
    this.#askIdentity(this.#identity)
  }

  #settle(end: End): void {
    if (this.#states.is('commit-unknown')) {
      end.isDone = true
      return
    }
    this.#end = undefined
    this.#error = undefined
    this.#states.move('ready')
    if (end.waiting.length === 0) this.#unseen = 'abortTransaction'
    tellAll(end.waiting)
  }

  // ---- what answers mean

  /** An attempt of this request had no answer, and may still reach its broker, whenever. */
  #lost(request: TransactionRequest): void {
    if (request === 'InitProducerId') return
    if (this.#known === 'no') this.#known = 'maybe'
    this.#isTainted = true
    if (request === 'EndTxn' && this.#end !== undefined) this.#end.isDoubtful = true
  }

  #decide(request: TransactionRequest, code: BrokerErrorCode, what: string): Reaction {
    const end = this.#end
    const isAbort = request === 'EndTxn' && end?.committed === false
    const verdict = transactionVerdict(request, code, isAbort)
    if (verdict === 'done') return 'done'
    // Nothing is asked again for a transaction that is over, or failed meanwhile.
    const isForTransaction = request !== 'InitProducerId' && request !== 'EndTxn'
    const isStopped = isForTransaction && !this.#states.is('in-transaction', 'committing')
    if (verdict === 'again' || verdict === 'soon' || verdict === 'elsewhere') {
      // It may have got as far as the decision before the coordinator lost its place.
      if (request === 'EndTxn' && end !== undefined && code.appended === 'maybe') end.isDoubtful = true
      if (!isStopped) return verdict
      this.#isTainted = true
      return 'done'
    }
    // There was nothing to abort: what would have made it known to the coordinator never got there.
    if (isAbort && code.name === 'INVALID_TXN_STATE' && this.#known !== 'yes') {
      this.#ended(end!, undefined)
      return 'done'
    }
    const { transactionalId } = this.#options
    const late = 'took longer than transactionTimeoutMs and was aborted'
    // Where each end raises the epoch, nobody is fenced by the end that the coordinator made.
    const isOver = code.name === 'INVALID_TXN_STATE' && request === 'EndTxn' && this.#protocol === 'implicit'
    const message = isFenced(code.name)
      ? `the coordinator refuses ${what}: another producer has the transactional id ${transactionalId} now, or the transaction ${late} (${code.name})`
      : `the coordinator refuses ${what} for the transactional id ${transactionalId}: ${code.name}${isOver ? `; perhaps the transaction ${late}` : ''}`
    const error = new BrokerError(code.name, code.code, message, {
      fatal: verdict === 'fatal',
      abortable: verdict === 'abortable',
    })
    const isCommit = request === 'EndTxn' && end?.committed === true
    if (verdict === 'refused' && this.#states.is('initializing')) this.#refuseInit(error)
    // Whatever it says now, an earlier attempt may have been the one that counted.
    else if (isCommit && end.isDoubtful)
      this.#fail(this.#commitUnknown(`an earlier attempt may have done so, and then: ${message}`, error, true))
    else if (verdict === 'abortable') this.#stop(error)
    // It failed in a way that says nothing of how far it came.
    else if (isCommit && code.appended === 'maybe') this.#fail(this.#commitUnknown(message, error, true))
    else this.#fail(error.fatal ? error : fatal(error, message))
    return 'done'
  }

  /** A request that no attempt can succeed with: no version in common, no way to its coordinator that may be taken. */
  #cannotAsk(error: KafkaError): void {
    if (error instanceof ClosedError || error.code === 'TRANSACTION_ABORTED') return
    if (this.#states.is('initializing')) this.#refuseInit(error)
    // It cannot be asked again, and what became of the attempt that had no answer nobody knows.
    else if (this.#end?.committed && this.#end.isDoubtful)
      this.#fail(this.#commitUnknown(`an earlier attempt may have done so, and then: ${error.message}`, error, true))
    else if (error.abortable) this.#stop(error)
    else if (!this.#states.is('fatal-error')) this.#fail(fatal(error, error.message))
  }

  #refuseInit(error: KafkaError): void {
    this.#states.move('uninitialized')
    tellAll(this.#initWaiting, error)
  }

  /** This transaction can only be aborted. */
  #stop(error: KafkaError): void {
    if (!this.#states.is('in-transaction', 'committing', 'commit-unknown')) return
    this.#isTainted = true
    if (this.#states.is('commit-unknown')) this.#states.move('committing')
    this.#error = error
    this.#states.move('abortable-error')
    const end = this.#end
    this.#end = undefined
    this.#toAdd.clear()
    this.#control.clear(error)
    tellAll(end?.waiting ?? [], error)
    this.#events.onStopped()
  }

  #fail(error: KafkaError): void {
    if (this.#states.is('fatal-error')) return
    this.#error = error
    this.#states.move('fatal-error')
    const end = this.#end
    this.#end = undefined
    this.#toAdd.clear()
    this.#control.clear(error)
    tellAll(end?.waiting ?? [], error)
    tellAll(this.#initWaiting, error)
    this.#events.onStopped()
  }
}

const abortableCode = brokerErrorCode(120)

function tellAll(waiting: Done[], error?: KafkaError): void {
  for (const done of waiting.splice(0)) done(error)
}

function fatal(cause: KafkaError, message: string): KafkaError {
  const details = { fatal: true, cause }
  if (cause instanceof BrokerError) return new BrokerError(cause.code, cause.errorCode, message, details)
  if (cause instanceof UnsupportedVersionError) return new UnsupportedVersionError(message, details)
  return new KafkaError(cause.code, message, details)
}
