// What the use cases are given. Everything comes in as a parameter: pool, clock, hints, policy.
import type { Pool } from '../store/pool.ts'
import type { LeaseHold } from '../store/transaction.ts'
import type { Channel } from '../store/notifier.ts'

export type { Channel, LeaseHold }

export interface Deps {
  readonly pool: Pool
  /** Hints to other processes; polling is the truth. */
  readonly notifier: { notify(channel: Channel): void }
  readonly now: () => Date
}

/** What the leader's use cases need besides. */
export interface LeaderDeps extends Deps {
  readonly waits: {
    /** How long an attempt whose executor died holds its task back, while its container may still run. */
    readonly orphanWaitMs: number
    /** How long an attempt on an agent that went away stays current. */
    readonly unreachableWaitMs: number
  }
}
