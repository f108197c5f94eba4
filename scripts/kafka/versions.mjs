// @ts-check

/** The release that the tests run on, and whose tools read back what was written. */
export const newestKafka = '4.3.1'

/** The last release before Kafka 4: it has no `transaction.version`, its transactions go as before KIP-890. */
export const lastKafka3 = '3.9.2'

/** The oldest release that ottla promises to work with; it still needs ZooKeeper. */
export const oldestKafka = '2.1.1'

/**
 * Whether a Kafka release is `floor` or later.
 * @param {string} version
 * @param {string} floor
 */
export function isAtLeast(version, floor) {
  return version.localeCompare(floor, 'en', { numeric: true }) >= 0
}
