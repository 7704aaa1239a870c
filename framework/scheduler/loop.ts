// One recurring job: runs when woken and at an interval, never twice at once, and again after a failure with backoff.
// Knows nothing of what it runs.

export interface LoopOptions {
  /** Does the job once; a number is the time until the next run at the latest, in ms. */
  readonly run: () => Promise<number | undefined>
  /** The time between runs that nobody asked for; absent: only when woken. */
  readonly intervalMs?: number
  /** Told of each failure; the next try follows after a backoff. */
  readonly onError: (error: unknown) => void
  readonly backoff?: { readonly initialMs: number; readonly maxMs: number }
}

type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'running'; readonly again: boolean; readonly done: Promise<void> }
  | { readonly name: 'closed' }

export class Loop {
  readonly #options: LoopOptions
  #phase: Phase = { name: 'idle' }
  #failures = 0

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** Runs as soon as possible; during a run: once more after it. */
  wake(): void {
    if (this.#phase.name === 'closed') return
    if (this.#phase.name === 'running') {
      this.#phase = { ...this.#phase, again: true }
      return
    }
    if (this.#phase.name === 'waiting') clearTimeout(this.#phase.timer)
    // The run begins in a later microtask, when the phase already says so.
    this.#phase = { name: 'running', again: false, done: Promise.resolve().then(() => this.#run()) }
  }

  /** No run begins any more; resolves when the one in flight is over. */
  async close(): Promise<void> {
    const phase = this.#phase
    this.#phase = { name: 'closed' }
    if (phase.name === 'waiting') clearTimeout(phase.timer)
    if (phase.name === 'running') await phase.done
  }

  async #run(): Promise<void> {
    let delayMs = this.#options.intervalMs
    try {
      const wanted = await this.#options.run()
      if (wanted !== undefined) delayMs = Math.min(wanted, delayMs ?? Infinity)
      this.#failures = 0
    } catch (error) {
      const { initialMs, maxMs } = this.#options.backoff ?? { initialMs: 100, maxMs: 5000 }
      delayMs = Math.min(maxMs, initialMs * 2 ** this.#failures)
      this.#failures += 1
      // Woken while it failed: the backoff holds all the same.
      if (this.#phase.name === 'running') this.#phase = { ...this.#phase, again: false }
      this.#options.onError(error)
    }
    this.#next(delayMs)
  }

  #next(delayMs: number | undefined): void {
    if (this.#phase.name !== 'running') return
    const { again } = this.#phase
    this.#phase = { name: 'idle' }
    if (again) this.wake()
    else if (delayMs !== undefined) {
      this.#phase = { name: 'waiting', timer: setTimeout(() => this.wake(), Math.max(0, delayMs)) }
    }
  }
}
