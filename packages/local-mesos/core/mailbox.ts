// One actor's queue: what is posted runs in order, each after the running code has returned, never inside it.
// It stands for the asynchronous messages of a real cluster without costing more than a microtask.

export class Mailbox {
  readonly #onError: (error: unknown) => void
  #waiting: (() => void)[] = []
  #state: 'idle' | 'scheduled' | 'closed' = 'idle'

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Runs `work` after everything posted before; dropped once the mailbox is closed. */
  post(work: () => void): void {
    if (this.#state === 'closed') return
    this.#waiting.push(work)
    if (this.#state === 'scheduled') return
    this.#state = 'scheduled'
    queueMicrotask(() => this.#drain())
  }

  /** Drops what waits and what will come. */
  close(): void {
    this.#state = 'closed'
    this.#waiting = []
  }

  #drain(): void {
    for (let index = 0; index < this.#waiting.length; index++) {
      try {
        this.#waiting[index]?.()
      } catch (error) {
        this.#onError(error)
      }
    }
    if (this.#state === 'closed') return
    this.#waiting = []
    this.#state = 'idle'
  }
}
