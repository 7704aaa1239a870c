// Who leads. A lease row with an epoch: whoever raises the epoch leads, and every transaction of the leader checks it (S78).
// The holder also keeps a session lock of its epoch, so that another takes over at once when its connection is gone, and not
// only when its time is over. Nothing here needs to be quick or sure for safety: the epoch fences.
//
//   idle → candidate → leading → candidate …        any → closed
//
// leading → candidate: its connection broke, it could not renew in time, or somebody raised the epoch.
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { createClient } from './pool.ts'
import {
  createLease,
  expireLease,
  inspectLease,
  lockEpoch,
  raiseEpoch,
  renewLease,
  unlockEpoch,
} from './queries/lease.ts'
import type { LeaseHold } from './transaction.ts'

export type LeadershipPhase =
  | { readonly name: 'idle' }
  | { readonly name: 'candidate' }
  | { readonly name: 'leading'; readonly hold: LeaseHold }
  | { readonly name: 'closed' }

/**
 * The lease's name. One for each database, whatever the frameworks that use it are called: two leaders would ask Mesos for
 * each other's attempts under a framework id that it does not know them by, and run them twice.
 */
export const leaderLease = 'leader'

export interface LeadershipOptions {
  /** Direct connection, not through a transaction pooler. The schema is migrated. */
  readonly url: string
  /** The lease's name. */
  readonly name: string
  /** Who we are, for people. */
  readonly holder: string
  /** URL at which this process answers the other ones. */
  readonly address: string
  readonly ttlMs?: number
  readonly renewMs?: number
  /** How often a candidate looks. */
  readonly pollMs?: number
  /** `leading` → start; anything after `leading` → stop at once (nothing can be written any more). */
  readonly onPhase: (phase: LeadershipPhase) => void
  readonly onError?: (error: Error) => void
}

export class Leadership {
  readonly #options: LeadershipOptions
  readonly #ttlMs: number
  readonly #renewMs: number
  readonly #pollMs: number
  readonly #closing = new AbortController()
  #phase: LeadershipPhase = { name: 'idle' }
  #running: Promise<void> = Promise.resolve()

  constructor(options: LeadershipOptions) {
    this.#options = options
    this.#ttlMs = options.ttlMs ?? 6_000
    this.#renewMs = options.renewMs ?? 2_000
    this.#pollMs = options.pollMs ?? 500
  }

  get phase(): LeadershipPhase {
    return this.#phase
  }

  start(): void {
    if (this.#phase.name !== 'idle') throw new Error(`leadership is ${this.#phase.name}`)
    this.#setPhase({ name: 'candidate' })
    this.#running = this.#run()
  }

  /** Gives the lease back, so that another may take over at once. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
    this.#setPhase({ name: 'closed' })
  }

  #setPhase(phase: LeadershipPhase): void {
    if (this.#phase.name === phase.name || this.#phase.name === 'closed') return
    this.#phase = phase
    this.#options.onPhase(phase)
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const client = createClient(this.#options.url, 'juice leadership', this.#ttlMs * 2)
      const broken = new AbortController()
      client.on('error', error => {
        this.#options.onError?.(error)
        broken.abort()
      })
      client.on('end', () => broken.abort())
      try {
        await client.connect()
        await this.#serve(client, AbortSignal.any([signal, broken.signal]))
      } catch (error) {
        if (!signal.aborted)
          this.#options.onError?.(error instanceof Error ? error : new Error(String(error)))
      } finally {
        if (!signal.aborted) this.#setPhase({ name: 'candidate' })
        await client.end().catch(() => {})
      }
      await pause(this.#pollMs, signal)
    }
  }

  /** Over one connection: a candidate until it leads, then the leader until it no longer is. */
  async #serve(client: pg.Client, stop: AbortSignal): Promise<void> {
    const { name } = this.#options
    // A takeover waits for the old leader's open transactions, but not for ever.
    await client.query(`set lock_timeout = ${this.#ttlMs}`)
    await createLease(client, name)
    while (!stop.aborted) {
      const wonAt = performance.now()
      const epoch = await this.#candidate(client)
      if (epoch !== undefined) await this.#lead(client, { name, epoch }, wonAt, stop)
      await pause(this.#pollMs, stop)
    }
  }

  /** The epoch that we won, if we did. */
  async #candidate(client: pg.Client): Promise<number | undefined> {
    const { name, holder, address } = this.#options
    const { epoch, expired, abandoned } = await inspectLease(client, name)
    if (!expired && !abandoned) return undefined
    const next = epoch + 1
    // Locked before anybody can see that epoch, so that it never looks abandoned.
    const locked = await lockEpoch(client, { name, epoch: next })
    const won =
      locked && (await raiseEpoch(client, { name, from: epoch, holder, address, ttlMs: this.#ttlMs }))
    if (abandoned) await unlockEpoch(client, { name, epoch })
    if (locked && !won) await unlockEpoch(client, { name, epoch: next })
    return won ? next : undefined
  }

  /** Returns when the lease is lost, and gives it back when it is to stop. */
  async #lead(client: pg.Client, hold: LeaseHold, wonAt: number, stop: AbortSignal): Promise<void> {
    const lost = new AbortController()
    const over = AbortSignal.any([stop, lost.signal])
    let deadline: NodeJS.Timeout | undefined
    const trustUntil = (ms: number) => {
      clearTimeout(deadline)
      deadline = setTimeout(
        () => {
          lost.abort()
          this.#setPhase({ name: 'candidate' })
        },
        Math.max(0, ms - performance.now()),
      )
    }
    const onStop = () => {
      if (!this.#closing.signal.aborted) this.#setPhase({ name: 'candidate' })
    }
    stop.addEventListener('abort', onStop)
    try {
      trustUntil(wonAt + this.#ttlMs)
      this.#setPhase({ name: 'leading', hold })
      while (!over.aborted) {
        await pause(this.#renewMs, over)
        if (over.aborted) break
        const askedAt = performance.now()
        if (!(await renewLease(client, { ...hold, ttlMs: this.#ttlMs }))) break
        if (!over.aborted) trustUntil(askedAt + this.#ttlMs)
      }
    } finally {
      clearTimeout(deadline)
      stop.removeEventListener('abort', onStop)
      this.#setPhase(this.#closing.signal.aborted ? { name: 'closed' } : { name: 'candidate' })
    }
    // The phase is told first: what the leader still does is over before another one may begin.
    await expireLease(client, hold)
    await unlockEpoch(client, hold)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}
