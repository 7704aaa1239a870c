// Ends our executors on agents that are drained, once nothing of ours runs there: an agent's draining is not over while an
// executor is left, even an idle one, and an agent that is reactivated before that drops every launch.
import type { Agents } from './agents.ts'
import { shutdown, type MesosCalls } from './calls.ts'
import type { LeaderStore } from './leader-store.ts'
import { Loop } from './loop.ts'

export interface DrainedOptions {
  readonly store: Pick<LeaderStore, 'loadActive'>
  readonly calls: MesosCalls
  readonly agents: Pick<Agents, 'executorsOn'>
  readonly onError: (error: unknown) => void
}

export class Drained {
  readonly #options: DrainedOptions
  readonly #loop: Loop
  /** Agents to look at. */
  readonly #open = new Set<string>()

  constructor(options: DrainedOptions) {
    this.#options = options
    const { onError } = options
    this.#loop = new Loop({ run: () => this.#release(), onError })
  }

  /** An update of a task says that this agent is drained. The last one from there finds that nothing is left. */
  heard(agentId: string): void {
    this.#open.add(agentId)
    this.#loop.wake()
  }

  /** A new subscription: agents may have been reactivated meanwhile, and the next update tells. */
  clear(): void {
    this.#open.clear()
  }

  async close(): Promise<void> {
    await this.#loop.close()
  }

  /** Where the store fails, the agents stay open. */
  async #release(): Promise<undefined> {
    if (this.#open.size === 0) return
    const { store, calls, agents, onError } = this.#options
    const active = await store.loadActive()
    const busy = new Set(active.map(({ agentId }) => agentId))
    for (const agentId of this.#open) {
      if (busy.has(agentId)) continue
      for (const executorId of agents.executorsOn(agentId)) {
        // One that gets lost is repeated with the next launch that the agent drops.
        calls.call(shutdown(agentId, executorId)).catch(onError)
      }
    }
    this.#open.clear()
  }
}
