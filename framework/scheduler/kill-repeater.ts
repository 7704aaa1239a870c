// Sends KILL for what must end, and again until it has ended (S71–S74). The store says what must; memory only says when
// each was last sent.
import { kill, type MesosCalls } from './calls.ts'
import type { LeaderStore } from './leader-store.ts'

export interface KillRepeaterOptions {
  readonly store: Pick<LeaderStore, 'loadKills'>
  readonly calls: MesosCalls
  /** A KILL that overtakes its ACCEPT would be answered "unknown", and the task would then run. */
  readonly isSending: (mesosTaskId: string) => boolean
  readonly now: () => number
  readonly onError: (error: unknown) => void
  readonly repeatMs?: number
}

export class KillRepeater {
  readonly #options: KillRepeaterOptions
  #sentAtMs = new Map<string, number>()

  constructor(options: KillRepeaterOptions) {
    this.#options = options
  }

  /** After a new subscription each is sent again at once. */
  forgetSubscription(): void {
    this.#sentAtMs.clear()
  }

  /** Sends what is due; returns when to look again, in ms, where that is before the next poll. */
  async run(): Promise<number | undefined> {
    const { store, calls, isSending, now, onError, repeatMs = 5000 } = this.#options
    const orders = await store.loadKills()
    const sentAtMs = new Map<string, number>()
    let waitMs: number | undefined
    for (const { mesosTaskId, agentId } of orders) {
      if (isSending(mesosTaskId)) {
        waitMs = 20
        continue
      }
      const before = this.#sentAtMs.get(mesosTaskId)
      const due = before === undefined || before + repeatMs <= now()
      sentAtMs.set(mesosTaskId, due ? now() : before)
      if (due) calls.call(kill(mesosTaskId, agentId)).catch(onError)
    }
    this.#sentAtMs = sentAtMs
    return waitMs
  }
}
