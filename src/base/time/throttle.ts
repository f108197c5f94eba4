/** Throttle times beyond this are not believed. */
const longestThrottleMs = 5 * 60_000

/** For how long a broker is left in peace that has told this throttle time (KIP-219); in milliseconds. */
export const believedThrottleMs = (toldMs: number): number => Math.min(Math.max(0, toldMs), longestThrottleMs)
