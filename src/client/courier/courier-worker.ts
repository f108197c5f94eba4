import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type ErrorData, errorFromData, errorToData } from '../../base/errors/error-data.ts'
import { NetworkError } from '../../base/errors/index.ts'
import { systemClock } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/network/index.ts'
import { type Api, apis } from '../../wire/protocol/index.ts'
import { Cluster, type TopicMetadata } from '../cluster/index.ts'
import type { CallData, CourierStart, FromCourier, ToCourier } from './messages.ts'

/** How many brokers are connected to beforehand; in a larger cluster few of them lead what is going to be sent. */
const mostWarm = 9

/**
 * The courier: the cluster's picture and connections in a thread of its own, for another thread that is blocked. It carries
 * requests and answers and decides nothing: batches, sequences, retries and outcomes stay with whoever is blocked.
 */
class CourierThread {
  readonly #port: MessagePort
  readonly #bell: Int32Array
  readonly #cluster: Cluster
  readonly #links = new Map<number, Connection>()
  readonly #numbers = new Map<Connection, number>()
  #nextLink = 1
  /** Brokers that `warm-up` waits for: until they are connected, or could not be. */
  readonly #awaited = new Map<number, () => void>()
  #learnt: TopicMetadata[] = []

  constructor(port: MessagePort, { settings, bell }: CourierStart) {
    this.#port = port
    this.#bell = new Int32Array(bell)
    this.#cluster = new Cluster({
      ...settings,
      clock: systemClock,
      random: Math.random,
      onTopic: topic => this.#learn(topic),
      onBrokerReady: brokerId => {
        this.#awaited.get(brokerId)?.()
        if (!this.#announce(brokerId)) this.#post({ kind: 'broker-ready', brokerId })
      },
      onError: error => this.#post({ kind: 'problem', error: errorToData(error) }),
    })
    port.on('message', (message: ToCourier) => this.#handle(message))
    this.#post({ kind: 'started' })
  }

  #post(message: FromCourier, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
    // After the message is there: whoever wakes finds it.
    Atomics.add(this.#bell, 0, 1)
    Atomics.notify(this.#bell, 0)
  }

  #handle(message: ToCourier): void {
    switch (message.kind) {
      case 'want': {
        this.#cluster.want(message.topic)
        const known = this.#cluster.topic(message.topic)
        if (known !== undefined) this.#learn(known)
        return
      }
      case 'refresh':
        this.#cluster.refresh(message.reason)
        return
      case 'connect':
        if (message.address !== undefined) this.#cluster.introduce(message.brokerId, message.address)
        this.#cluster.connectionTo(message.brokerId)
        this.#announce(message.brokerId)
        return
      case 'call':
        this.#call(message.id, message.link, message.call)
        return
      case 'drop':
        this.#links.get(message.link)?.destroy(errorFromData(message.error) as NetworkError)
        return
      case 'ask': {
        const { id, api, body, timeoutMs } = message
        this.#tell(id, this.#cluster.request(apis[api] as Api, body as never, { timeoutMs }))
        return
      }
      case 'warm-up':
        this.#tell(message.id, this.#warmUp())
        return
      case 'close':
        void this.#close()
        return
    }
  }

  #tell(id: number, result: Promise<unknown>): void {
    result.then(
      told => this.#post({ kind: 'told', id, result: told }),
      error => this.#post({ kind: 'refused', id, error: errorToData(error) }),
    )
  }

  #learn(topic: TopicMetadata): void {
    this.#learnt.push(topic)
    if (this.#learnt.length === 1) queueMicrotask(() => this.#tellPicture())
  }

  #tellPicture(): void {
    const topics = this.#learnt
    this.#learnt = []
    this.#post({ kind: 'picture', brokers: this.#cluster.brokers, topics })
  }

  /** Tells of the connection to a broker; false where there is none. */
  #announce(brokerId: number): boolean {
    const connection = this.#cluster.openConnectionTo(brokerId)
    if (connection === undefined) return false
    let link = this.#numbers.get(connection)
    if (link === undefined) {
      link = this.#nextLink++
      this.#numbers.set(connection, link)
      this.#links.set(link, connection)
      void connection.gone.then(() => this.#gone(connection))
    }
    const { remote, versions, finalizedFeatures } = connection
    this.#post({ kind: 'link', link, brokerId, remote, versions, finalizedFeatures })
    return true
  }

  #gone(connection: Connection): void {
    const link = this.#numbers.get(connection)!
    this.#numbers.delete(connection)
    this.#links.delete(link)
    this.#post({ kind: 'link-lost', link })
  }

  #call(id: number, link: number, { body, ...call }: CallData): void {
    const connection = this.#links.get(link)
    const fail = (error: ErrorData, sent: boolean) => this.#post({ kind: 'failure', id, error, sent })
    if (connection === undefined) {
      fail(linkIsGone, false)
      return
    }
    let hasFailed = false
    connection.send({
      ...call,
      body: [body],
      bodyBytes: body.length,
      onAnswer: reader => {
        // A buffer of its own: the reader's is used again, and a view would be sent with all that lies around it.
        const answer = new Uint8Array(reader.bytes.subarray(reader.offset, reader.end))
        this.#post({ kind: 'answer', id, body: answer }, [answer.buffer])
      },
      onFailure: (error, sent) => {
        hasFailed = true
        fail(errorToData(error), sent)
      },
      onReleased: () => {
        if (!call.expectsAnswer && !hasFailed) this.#post({ kind: 'written', id })
      },
    })
  }

  async #warmUp(): Promise<void> {
    await this.#cluster.connect()
    const { brokers } = this.#cluster
    this.#post({ kind: 'picture', brokers, topics: [] })
    if (brokers.size > mostWarm) return
    await Promise.all([...brokers.keys()].map(brokerId => this.#connected(brokerId)))
  }

  #connected(brokerId: number): Promise<void> {
    if (this.#cluster.connectionTo(brokerId) !== undefined) {
      this.#announce(brokerId)
      return Promise.resolve()
    }
    return new Promise(resolve => this.#awaited.set(brokerId, resolve))
  }

  async #close(): Promise<void> {
    await this.#cluster.close()
    this.#post({ kind: 'closed' })
    this.#port.close()
  }
}

const linkIsGone = errorToData(new NetworkError('CONNECTION_CLOSED', 'the connection is gone'))

if (parentPort !== null) {
  const { port, ...start } = workerData as CourierStart & { port: MessagePort }
  new CourierThread(port, start)
}
