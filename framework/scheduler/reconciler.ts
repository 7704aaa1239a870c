// Asks the master for the state of our attempts until each has been told (S62–S70). One run at a time; a new one takes
// the place of the old. What is answered comes back as ordinary updates.
import { reconcile, type MesosCalls } from './calls.ts'
import type { LeaderStore } from './leader-store.ts'
import { Loop } from './loop.ts'

export interface ReconcilerOptions {
  readonly store: Pick<LeaderStore, 'loadActive'>
  readonly calls: MesosCalls
  /** Its ACCEPT may not have reached the master yet: not to be asked for. */
  readonly isSending: (mesosTaskId: string) => boolean
  readonly now: () => number
  readonly onError: (error: unknown) => void
  readonly batchSize?: number
  readonly batchEveryMs?: number
  readonly backoff?: { readonly initialMs: number; readonly maxMs: number }
  /** The explicit run; the implicit one follows it at its own pace. */
  readonly everyMs?: number
}

interface Asked {
  readonly mesosTaskId: string
  readonly agentId: string
}

type Phase =
  | { readonly name: 'idle' }
  /** Reads from the store what there is to ask for. */
  | { readonly name: 'reading'; readonly round: number; readonly unheard?: Map<string, Asked> }
  | {
      readonly name: 'asking'
      readonly round: number
      /** Not heard of since the run began. */
      readonly unheard: Map<string, Asked>
      /** To be sent in this round. */
      readonly rest: readonly Asked[]
    }

export class Reconciler {
  readonly #options: Required<ReconcilerOptions>
  readonly #loop: Loop
  #phase: Phase = { name: 'idle' }
  #nextExplicitMs: number
  #nextImplicitMs: number

  constructor(options: ReconcilerOptions) {
    this.#options = {
      batchSize: 1000,
      batchEveryMs: 5000,
      backoff: { initialMs: 2000, maxMs: 60_000 },
      everyMs: 15 * 60_000,
      ...options,
    }
    const { everyMs, now } = this.#options
    this.#nextExplicitMs = now() + everyMs
    // Half a turn apart, so that the two don't burden the master together.
    this.#nextImplicitMs = now() + everyMs / 2
    this.#loop = new Loop({ run: () => this.#run(), onError: options.onError })
  }

  /** A new explicit run over all active attempts: after each subscription, and from time to time. */
  start(): void {
    this.#nextExplicitMs = this.#options.now() + this.#options.everyMs
    this.#phase = { name: 'reading', round: 0 }
    this.#loop.wake()
  }

  /** Not subscribed any more: what was asked is void. */
  stop(): void {
    this.#phase = { name: 'idle' }
  }

  /** Asks for these alone, once. */
  ask(tasks: readonly Asked[]): void {
    if (tasks.length > 0) this.#options.calls.call(reconcile(tasks)).catch(this.#options.onError)
  }

  /** An update of this attempt, whatever it says, is newer than the run's start. */
  heard(mesosTaskId: string): void {
    if (this.#phase.name !== 'idle') this.#phase.unheard?.delete(mesosTaskId)
  }

  /** How many of the current run have not been heard of. */
  get unheard(): number {
    return this.#phase.name === 'idle' ? 0 : (this.#phase.unheard?.size ?? 0)
  }

  async close(): Promise<void> {
    this.stop()
    await this.#loop.close()
  }

  async #run(): Promise<number> {
    const phase = this.#phase
    if (phase.name === 'idle') return this.#periodic()
    if (phase.name === 'reading') return await this.#read(phase)
    const waitMs = await this.#askBatch(phase)
    return Math.max(0, waitMs)
  }

  #periodic(): number {
    const { now, everyMs, calls, onError } = this.#options
    if (this.#nextImplicitMs <= now()) {
      this.#nextImplicitMs = now() + everyMs
      calls.call(reconcile([])).catch(onError)
    }
    if (this.#nextExplicitMs <= now()) {
      this.start()
      return 0
    }
    return Math.min(this.#nextExplicitMs, this.#nextImplicitMs) - now()
  }

  /** Attempts may have ended since the last round by other ways than an update: those need no answer. */
  async #read(phase: Phase & { name: 'reading' }): Promise<number> {
    const active = await this.#options.store.loadActive()
    if (this.#phase !== phase) return 0
    const unheard = new Map<string, Asked>()
    for (const { mesosTaskId, agentId } of active) {
      const stillUnheard = phase.unheard === undefined || phase.unheard.has(mesosTaskId)
      if (stillUnheard && !this.#options.isSending(mesosTaskId)) {
        unheard.set(mesosTaskId, { mesosTaskId, agentId })
      }
    }
    this.#phase = { name: 'asking', round: phase.round, unheard, rest: [...unheard.values()] }
    return 0
  }

  async #askBatch(phase: Phase & { name: 'asking' }): Promise<number> {
    const { batchSize, batchEveryMs, backoff, calls } = this.#options
    if (phase.unheard.size === 0) {
      this.#phase = { name: 'idle' }
      return 0
    }
    const due = phase.rest.filter(({ mesosTaskId }) => phase.unheard.has(mesosTaskId))
    if (due.length === 0) {
      this.#phase = { name: 'reading', round: phase.round + 1, unheard: phase.unheard }
      return 0
    }
    const [batch, rest] = [due.slice(0, batchSize), due.slice(batchSize)]
    await calls.call(reconcile(batch))
    if (this.#phase !== phase) return 0
    this.#phase = { ...phase, rest }
    // Silence is never "lost" (S68): ask on, ever more slowly.
    return rest.length > 0
      ? batchEveryMs
      : Math.min(backoff.maxMs, backoff.initialMs * 2 ** Math.min(phase.round, 20))
  }
}
