import { beforeEach } from 'vitest'
import { type Broker, type BrokerOptions, type PartitionState, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, type ProduceCall, produceBody } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

/** Three brokers whose time stands still, a topic `orders` that all of them replicate, and a connection to the leader of its partition 0. */
export class ReplicatedOrders implements AsyncDisposable {
  readonly clock: ManualClock
  readonly broker: Broker
  readonly leader: RawConnection

  private constructor(clock: ManualClock, broker: Broker, leader: RawConnection) {
    this.clock = clock
    this.broker = broker
    this.leader = leader
  }

  static async start(options: BrokerOptions = {}): Promise<ReplicatedOrders> {
    // Sequenced batches have the time of the machine.
    const clock = new ManualClock({ wallTime: Date.now() })
    const broker = await startBroker({ brokers: 3, clock, topics: { orders: { partitions: 3 } }, ...options })
    return new ReplicatedOrders(clock, broker, await RawConnection.open(broker, 1))
  }

  get state(): PartitionState {
    return this.broker.partition('orders', 0)
  }

  values(): string[] {
    return this.broker.records('orders', 0).map(({ value }) => String(value))
  }

  /** Records that have the broker's time. */
  batch(...texts: string[]): Buffer {
    return batchOf(texts, { timestamp: this.clock.wallTime() })
  }

  /** Sends a batch that is not answered yet: it is appended when this resolves, and `answer` gives what comes for it. */
  async sent(call: ProduceCall, connection = this.leader, version = 9) {
    const arrived = this.broker.waitForRequest('Produce')
    const id = connection.send(apis.produce.request, version, produceBody(call))
    await arrived
    return {
      answer: async () => {
        const answer = await connection.answer(apis.produce.response, version, id)
        return { ...answer.responses[0]!.partitionResponses[0]!, nodeEndpoints: answer.nodeEndpoints }
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leader[Symbol.asyncDispose]()
    await this.broker.close()
  }
}

/** Those of the test that runs. */
export let orders: ReplicatedOrders
export let clock: ManualClock
export let broker: Broker
/** To the leader of orders-0. */
export let leader: RawConnection

/** From here on the test has others, with these options. */
export async function start(options: BrokerOptions = {}): Promise<void> {
  await orders?.[Symbol.asyncDispose]()
  orders = await ReplicatedOrders.start(options)
  ;({ clock, broker, leader } = orders)
}

/** Each test of the file that calls this has its own. */
export function startForEach(): void {
  beforeEach(async () => {
    await start()
    return () => orders[Symbol.asyncDispose]()
  })
}

export const codeOf = async (answer: Promise<{ readonly errorCode: number }>) => (await answer).errorCode
