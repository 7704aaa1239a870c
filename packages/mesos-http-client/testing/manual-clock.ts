// A clock that stands still until a test moves it.
import type { Clock } from '../clock.ts'

interface Timer {
  readonly dueMs: number
  readonly action: () => void
}

export class ManualClock implements Clock {
  #nowMs = 1_000_000
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, action }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** What would be done next, in milliseconds from now. */
  get nextInMs(): number | undefined {
    const due = [...this.#timers].map(timer => timer.dueMs - this.#nowMs)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Lets time pass, doing what becomes due in its order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#timers]
        .filter(each => each.dueMs <= untilMs)
        .toSorted((a, b) => a.dueMs - b.dueMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.action()
    }
    this.#nowMs = untilMs
  }
}
