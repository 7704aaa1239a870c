// A deliverer for as long as this process leads: one for each lease, never two at once.
import type { LeaseHold } from '../usecases/deps.ts'
import type { Deliverer } from './deliverer.ts'

export class LeaderDeliverer {
  readonly #create: (hold: LeaseHold) => Deliverer
  #current: Deliverer | undefined
  /** Changes happen one after the other. */
  #changed: Promise<void> = Promise.resolve()

  constructor(create: (hold: LeaseHold) => Deliverer) {
    this.#create = create
  }

  /** This process leads with `hold`, or, without, no longer. */
  lead(hold: LeaseHold | undefined): void {
    this.#changed = this.#changed.then(async () => {
      await this.#current?.close()
      this.#current = hold === undefined ? undefined : this.#create(hold)
      this.#current?.start()
    })
  }

  /** The outbox has something. */
  hint(): void {
    this.#current?.hint()
  }

  async close(): Promise<void> {
    this.lead(undefined)
    await this.#changed
  }
}
