// Who leads: a lease in the store, and a session lock that falls with the holder's connection.
import type { LeaseHold } from './transaction.ts'

export type LeadershipPhase =
  | { readonly name: 'idle' }
  | { readonly name: 'candidate' }
  | { readonly name: 'leading'; readonly hold: LeaseHold }
  | { readonly name: 'closed' }

export interface LeadershipOptions {
  /** Direct connection, not through a transaction pooler. */
  readonly url: string
  /** The lease's name: that of the framework. */
  readonly name: string
  /** Who we are, for people. */
  readonly holder: string
  /** URL at which this process answers the other ones. */
  readonly address: string
  readonly ttlMs?: number
  readonly renewMs?: number
  /** `leading` → start; anything after `leading` → stop at once (nothing can be written any more). */
  readonly onPhase: (phase: LeadershipPhase) => void
  readonly onError?: (error: Error) => void
}

export class Leadership {
  readonly #options: LeadershipOptions
  #phase: LeadershipPhase = { name: 'idle' }

  constructor(options: LeadershipOptions) {
    this.#options = options
  }

  get phase(): LeadershipPhase {
    return this.#phase
  }

  start(): void {
    this.#phase = { name: 'candidate' }
    this.#options.onPhase(this.#phase)
  }

  /** Gives the lease back, so that another may take over at once. */
  async close(): Promise<void> {
    this.#phase = { name: 'closed' }
  }
}
