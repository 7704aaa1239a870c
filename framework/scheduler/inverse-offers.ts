// Answers the master's question whether an agent may be taken down for maintenance (S44): yes where nothing of ours
// runs there, else no. The operator decides all the same; placement stays away from the agent meanwhile.
import type { InverseOffer } from 'mesos-http-client'
import { acceptInverseOffers, declineInverseOffers, type MesosCalls } from './calls.ts'
import type { LeaderStore } from './leader-store.ts'
import { Loop } from './loop.ts'

export interface InverseOffersOptions {
  readonly store: Pick<LeaderStore, 'loadActive'>
  readonly calls: MesosCalls
  readonly onError: (error: unknown) => void
  /** The least time between two answers, whatever comes: each REVIVE brings the questions again. */
  readonly everyMs?: number
}

/** How soon the master asks again: after a no the agent may become free, after a yes something may be placed there. */
const refuseSeconds = { no: 30, yes: 300 } as const

export class InverseOffers {
  readonly #options: InverseOffersOptions
  readonly #loop: Loop
  /** Not answered yet: agent by offer id. */
  readonly #open = new Map<string, string | undefined>()
  /** From the moment an answer begins until the next may. */
  #resting = false

  constructor(options: InverseOffersOptions) {
    this.#options = options
    const { onError } = options
    this.#loop = new Loop({ run: () => this.#answer(), onError })
  }

  add(offers: readonly InverseOffer[]): void {
    for (const { id, agent_id: agentId } of offers) this.#open.set(id.value, agentId?.value)
    if (!this.#resting) this.#loop.wake()
  }

  /** Taken back: the schedule was changed, or the agent is gone. */
  rescind(offerId: string): void {
    this.#open.delete(offerId)
  }

  /** Void with the subscription that brought them (S38). */
  clear(): void {
    this.#open.clear()
  }

  async close(): Promise<void> {
    await this.#loop.close()
  }

  /** One look at the store serves all that are open. Where it fails, they stay open. */
  async #answer(): Promise<number | undefined> {
    this.#resting = this.#open.size > 0
    if (!this.#resting) return undefined
    const { store, calls, onError, everyMs = 1000 } = this.#options
    const active = await store.loadActive()
    const busy = new Set(active.map(({ agentId }) => agentId))
    const [yes, no]: [string[], string[]] = [[], []]
    for (const [offerId, agentId] of this.#open) {
      const free = agentId !== undefined && !busy.has(agentId)
      ;(free ? yes : no).push(offerId)
    }
    this.#open.clear()
    // One that got lost on its way comes again when its time at the master is over.
    if (yes.length > 0) calls.call(acceptInverseOffers(yes, refuseSeconds.yes)).catch(onError)
    if (no.length > 0) calls.call(declineInverseOffers(no, refuseSeconds.no)).catch(onError)
    return everyMs
  }
}
