/**
 * The ports that brokers in this very thread listen on. Whoever is about to block the thread looks here: a broker that stands
 * still with it could never answer. Each thread has a list of its own.
 */
export const servedPorts = new Set<number>()
