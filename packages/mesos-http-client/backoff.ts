// How long to wait before the next try. Pure.

/** How long to wait between tries. */
export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
}

/**
 * Exponential with jitter (S13): between half and all of min(maxMs, initialMs · 2^failures).
 * @param failures tries that failed since the last success, 0 for the first wait
 * @param random as Math.random
 */
export function backoffMs(backoff: Backoff, failures: number, random: () => number): number {
  const full = Math.min(backoff.maxMs, backoff.initialMs * 2 ** Math.min(failures, 30))
  return Math.round(full * (0.5 + 0.5 * random()))
}
