// Time that passes only when it is told to, so that a minute of a recording is replayed in milliseconds.
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock, Timer } from '../core/clock.ts'

interface Pending {
  readonly dueMs: number
  readonly order: number
  readonly fire: () => void
}

export class VirtualClock implements Clock {
  #nowMs: number
  #order = 0
  readonly #pending = new Set<Pending>()

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, fire: () => void): Timer {
    const pending = { dueMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, fire }
    this.#pending.add(pending)
    return { cancel: () => this.#pending.delete(pending) }
  }

  /** Fires what is due up to then, each at its own time, and lets what it causes happen in between. */
  async advanceTo(nowMs: number): Promise<void> {
    for (;;) {
      const next = [...this.#pending]
        .filter(pending => pending.dueMs <= nowMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0]
      if (next === undefined) break
      this.#pending.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.fire()
      await turn()
    }
    this.#nowMs = Math.max(this.#nowMs, nowMs)
    await turn()
  }
}
