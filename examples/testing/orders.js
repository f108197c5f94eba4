// A small application: it takes orders and writes them to Kafka. Its producer is handed in, so that a test can hand in another.

/** @typedef {{ id: string, customer: string, cents: number }} Order */
/** @typedef {'accepted' | 'rejected' | 'unclear'} Answer what the customer is told */

/**
 * Writes an order, keyed by customer, so that the orders of one stay in order.
 *
 * @param {import('ottla').Producer} producer
 * @param {Order} order
 * @returns {Promise<Answer>}
 */
export async function placeOrder(producer, order) {
  const headers = { 'order-id': order.id }
  try {
    await producer.send({ topic: 'orders', key: order.customer, value: JSON.stringify(order), headers })
    return 'accepted'
  } catch (error) {
    // `unknown`: it may have been written. Who orders again then could have it twice.
    const { outcome } = /** @type {import('ottla').KafkaError} */ (error)
    return outcome === 'not-written' ? 'rejected' : 'unclear'
  }
}

/**
 * The same for a script, which waits with its thread blocked.
 *
 * @param {import('ottla').Producer} producer
 * @param {Order[]} orders
 * @returns {number} how many were written
 */
export function importOrders(producer, orders) {
  return producer
    .sendAll(orders.map(order => ({ topic: 'orders', key: order.customer, value: JSON.stringify(order) })))
    .get().length
}

/**
 * Takes orders from a topic to another, each exactly once: what it writes and how far it has read are committed together.
 *
 * @param {import('ottla/testing').TransactionalProducer} producer
 * @param {{ partition: number, offset: bigint, value: string }[]} read
 */
export async function forwardOrders(producer, read) {
  await producer.transaction(async transaction => {
    for (const { value } of read) transaction.send({ topic: 'invoices', value })
    const offsets = read.map(({ partition, offset }) => ({ topic: 'orders', partition, offset: offset + 1n }))
    await transaction.sendOffsets(offsets, { groupId: 'invoicing' })
  })
}
