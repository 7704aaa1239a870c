// Leading or standing by: begins a term when this process wins the lease, ends it when the lease or Mesos says so, and
// tells the process where only people can help.
import type { Channel, LeaseHold } from '../usecases/index.ts'
import type { LeadershipPhase } from '../store/index.ts'
import type { Logger } from '../observability/log.ts'
import type { TermEnd } from './settings.ts'

/** A term as its caller sees it. */
export interface RunningTerm {
  start(): void
  hint(channel: Channel): void
  whyWaits(taskId: number): string | undefined
  readonly subscribed: boolean
  close(): Promise<void>
}

export interface Candidacy {
  start(): void
  close(): Promise<void>
}

export type FatalCause = 'framework_removed' | 'refused_by_mesos' | 'origin_refused'

export interface SchedulerOptions {
  /** Campaigns for the lease; `onPhase` is told of each change. */
  readonly candidacy: (onPhase: (phase: LeadershipPhase) => void) => Candidacy
  readonly term: (hold: LeaseHold, onEnd: (end: TermEnd) => void) => RunningTerm
  /** Forgets the framework id that Mesos has removed; only while nothing of it is live. */
  readonly forgetFramework: (hold: LeaseHold) => Promise<void>
  /** Nothing but an operator helps: the process should end with its own exit code. */
  readonly onFatal: (cause: FatalCause, message: string) => void
  /** What else runs only while this process leads: begin with this hold, stop where there is none. */
  readonly onLeading: (hold: LeaseHold | undefined) => void
  readonly log: Logger
  /** After another scheduler took our framework: how long our lease has to be lost, too. */
  readonly failoverGraceMs?: number
}

type Phase =
  | { readonly name: 'standby' }
  | { readonly name: 'leading'; readonly hold: LeaseHold; readonly term: RunningTerm }
  /** The term is over, the lease may still be ours. */
  | { readonly name: 'stepping_down'; readonly hold: LeaseHold; readonly done: Promise<void> }
  /** A scheduler that does not share our lease uses our framework id: fighting for it helps nobody (S15). */
  | { readonly name: 'barred' }
  | { readonly name: 'closed' }

export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #candidacy: Candidacy
  #phase: Phase = { name: 'standby' }
  #failoverTimer: NodeJS.Timeout | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#candidacy = options.candidacy(phase => this.#leadership(phase))
  }

  start(): void {
    this.#candidacy.start()
  }

  /** For health answers: which part this process plays. */
  get role(): 'standby' | 'leading' | 'leading_unsubscribed' | 'barred' | 'closed' {
    if (this.#phase.name === 'leading') {
      return this.#phase.term.subscribed ? 'leading' : 'leading_unsubscribed'
    }
    return this.#phase.name === 'stepping_down' ? 'standby' : this.#phase.name
  }

  hint(channel: Channel): void {
    if (this.#phase.name === 'leading') this.#phase.term.hint(channel)
  }

  /** Known to the leader only. */
  whyWaits(taskId: number): string | undefined {
    return this.#phase.name === 'leading' ? this.#phase.term.whyWaits(taskId) : undefined
  }

  /** Finishes what is being written, closes the stream (S77), then gives the lease back. */
  async close(): Promise<void> {
    clearTimeout(this.#failoverTimer)
    const phase = this.#phase
    this.#enter({ name: 'closed' })
    if (phase.name === 'leading') await phase.term.close()
    if (phase.name === 'stepping_down') await phase.done
    await this.#candidacy.close()
  }

  #leadership(leadership: LeadershipPhase): void {
    const phase = this.#phase
    if (phase.name === 'closed' || phase.name === 'barred') return
    if (leadership.name === 'leading') {
      if (phase.name === 'stepping_down') void phase.done.then(() => this.#lead(leadership.hold))
      else this.#lead(leadership.hold)
    } else {
      clearTimeout(this.#failoverTimer)
      if (phase.name === 'leading') this.#stepDown(phase, 'the lease is lost')
      else if (phase.name === 'stepping_down') void phase.done.then(() => this.#standBy(phase))
    }
  }

  #lead(hold: LeaseHold): void {
    if (this.#phase.name === 'closed' || this.#phase.name === 'barred') return
    this.#options.log.info({ epoch: hold.epoch }, 'this process leads')
    const term = this.#options.term(hold, end => this.#ended(term, end))
    this.#enter({ name: 'leading', hold, term })
    term.start()
  }

  #ended(term: RunningTerm, end: TermEnd): void {
    const phase = this.#phase
    if (phase.name !== 'leading' || phase.term !== term) return
    const { onFatal, log } = this.#options
    switch (end.name) {
      case 'lease_lost':
        this.#stepDown(phase, 'another process leads')
        return
      case 'failed_over':
        this.#stepDown(phase, `another scheduler has subscribed as this framework: ${end.message}`)
        this.#failoverTimer = setTimeout(() => this.#bar(), this.#options.failoverGraceMs ?? 15_000)
        return
      case 'refused':
        this.#stepDown(phase, end.message)
        onFatal('refused_by_mesos', `Mesos and this configuration don't fit together: ${end.message}`)
        return
      case 'origin_refused':
        this.#stepDown(phase, end.message)
        onFatal('origin_refused', end.message)
        return
      case 'removed':
        if (end.live > 0) {
          this.#stepDown(phase, 'Mesos has removed the framework')
          onFatal('framework_removed', removedMessage(end.frameworkId, end.live))
          return
        }
        log.warn({ frameworkId: end.frameworkId }, 'Mesos has removed the framework; nothing of it was live')
        this.#stepDown(phase, 'Mesos has removed the framework', () => this.#startAnew(phase.hold))
    }
  }

  /** A new framework id is no danger where no attempt is live. */
  async #startAnew(hold: LeaseHold): Promise<void> {
    try {
      await this.#options.forgetFramework(hold)
      this.#lead(hold)
    } catch (error) {
      this.#options.log.error({ err: error }, 'the removed framework id could not be forgotten')
      this.#options.onFatal('framework_removed', String(error))
    }
  }

  #stepDown(phase: Phase & { name: 'leading' }, why: string, then?: () => Promise<void>): void {
    this.#options.log.warn({ epoch: phase.hold.epoch, why }, 'stepping down')
    const done = phase.term
      .close()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a term did not end in order'))
      .then(async () => {
        if (then && this.#phase.name === 'stepping_down') await then()
      })
    this.#enter({ name: 'stepping_down', hold: phase.hold, done })
  }

  #standBy(from: Phase): void {
    if (this.#phase === from) this.#enter({ name: 'standby' })
  }

  /** Our lease is still ours, so whoever took the framework is no process of ours. */
  #bar(): void {
    if (this.#phase.name !== 'stepping_down') return
    this.#enter({ name: 'barred' })
    this.#options.log.error(
      'another scheduler uses this framework id without sharing our database: no further candidacy until restart',
    )
    void this.#candidacy.close()
  }

  #enter(phase: Phase): void {
    const before = this.#phase.name === 'leading' ? this.#phase.hold : undefined
    this.#phase = phase
    const hold = phase.name === 'leading' ? phase.hold : undefined
    if (hold !== before) this.#options.onLeading(hold)
  }
}

function removedMessage(frameworkId: string, live: number): string {
  return (
    `Mesos has removed framework ${frameworkId} (torn down, or away for longer than its failover timeout) and with it ` +
    `${live} attempts that were live. Nothing is launched under a new framework id before an operator agrees: run ` +
    `"juice framework reset --yes" and start again; the attempts end as lost, and their tasks wait again.`
  )
}
