// Time as a parameter: everything here that waits or stamps asks a Clock, so that tests can scale or stop it.
// Timers of the system clock never keep the process alive by themselves.

export interface Timer {
  /** Forgets the timer; harmless when it has fired already. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `fire` once after `delayMs` (at least the next turn of the event loop). */
  after(delayMs: number, fire: () => void): Timer
}

/** setTimeout cannot wait longer than this; longer waits are cut, which is 24 days. */
const longestDelayMs = 0x7fff_ffff

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, fire) {
    const handle = setTimeout(fire, Math.min(Math.max(delayMs, 0), longestDelayMs))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}
