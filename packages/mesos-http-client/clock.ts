// Time as a parameter: what waits in this package asks a Clock, so that tests need not wait.

/** Milliseconds since the epoch, and something to be done later. */
export interface Clock {
  now(): number
  /** Runs `action` once after `delayMs`; what comes back cancels it (safe to call again). */
  after(delayMs: number, action: () => void): () => void
}

/** The real one. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs)
    return () => clearTimeout(timer)
  },
}
