// The real clock. Everything else takes a Clock as an argument.
import type { Clock } from './types.ts'

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    // setTimeout takes 31 bits; a longer wait comes back early, and every deadline is compared with the clock anyway.
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), 0x7fffffff))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`; the process must be kept alive by something else. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise(resolve => void clock.after(delayMs, resolve))
}

/** What `promise` resolves to, or `fallback` once `timeoutMs` are over. A rejection passes through. */
export async function within<T, F>(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<T>,
  fallback: F,
): Promise<T | F> {
  const { promise: late, resolve } = Promise.withResolvers<F>()
  const cancel = clock.after(timeoutMs, () => resolve(fallback))
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel()
  }
}
