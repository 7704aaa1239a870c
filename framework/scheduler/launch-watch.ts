// Attempts whose fate Mesos has not told yet: those whose ACCEPT is on its way must not be asked for or killed (the
// master would know nothing of them), those that stay silent are asked for (S50). In memory; after a restart the
// reconciliation at the start covers what is not here.

interface Watched {
  readonly agentId: string
  readonly executorId: string
  readonly phase: { readonly name: 'sending' } | { readonly name: 'sent'; askAtMs: number; waitMs: number }
}

export interface LaunchWatchOptions {
  /** Silence after the ACCEPT before the master is asked; a cold agent fetches the executor first. */
  readonly timeoutMs: number
}

const maxWaitMs = 60_000
/** At once, with a look each second: about 1,000 each 5 s (S69). */
const batch = 200

export class LaunchWatch {
  readonly #watched = new Map<string, Watched>()
  readonly #options: LaunchWatchOptions

  constructor(options: LaunchWatchOptions) {
    this.#options = options
  }

  /** Its intent is about to be committed and sent. */
  sending(mesosTaskId: string, agentId: string, executorId: string): void {
    this.#watched.set(mesosTaskId, { agentId, executorId, phase: { name: 'sending' } })
  }

  /** The executor it was launched with; known until its first update. */
  executorOf(mesosTaskId: string): string | undefined {
    return this.#watched.get(mesosTaskId)?.executorId
  }

  /** The master has the ACCEPT, or may have it: now only it can tell. `uncertain`: ask soon. */
  sent(mesosTaskId: string, nowMs: number, uncertain = false): void {
    const watched = this.#watched.get(mesosTaskId)
    if (!watched) return
    const waitMs = uncertain ? 1000 : this.#options.timeoutMs
    this.#watched.set(mesosTaskId, {
      ...watched,
      phase: { name: 'sent', askAtMs: nowMs + waitMs, waitMs },
    })
  }

  /** An update came, or the attempt does not exist after all. */
  settled(mesosTaskId: string): void {
    this.#watched.delete(mesosTaskId)
  }

  isSending(mesosTaskId: string): boolean {
    return this.#watched.get(mesosTaskId)?.phase.name === 'sending'
  }

  /** Those to ask for now, a batch at most; they come again, ever later, until settled. */
  overdue(nowMs: number): { mesosTaskId: string; agentId: string }[] {
    const tasks: { mesosTaskId: string; agentId: string }[] = []
    for (const [mesosTaskId, { agentId, phase }] of this.#watched) {
      if (tasks.length === batch) break
      if (phase.name === 'sending' || phase.askAtMs > nowMs) continue
      tasks.push({ mesosTaskId, agentId })
      phase.waitMs = Math.min(maxWaitMs, phase.waitMs * 2)
      phase.askAtMs = nowMs + phase.waitMs
    }
    return tasks
  }
}
