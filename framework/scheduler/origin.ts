// Before a term turns to Mesos: is this where our framework id is at home (S5, S16)? Carries out what was decided, once.
import { unconfirmed, type Confirmation, type Confirmed, type Origin } from '../domain/origin.ts'
import type { Logger } from '../observability/log.ts'
import type { OriginCheck } from '../usecases/index.ts'

/** The use cases, with everything bound but what an operator said and what came of it; the writing ones are fenced. */
export interface OriginSteps {
  readonly check: (said: Confirmation) => Promise<OriginCheck>
  readonly adopt: (origin: Origin) => Promise<void>
  /** Returns how many live attempts ended. */
  readonly forsake: (why: string) => Promise<number>
}

export class OriginGuard {
  readonly #log: Logger
  #confirmed: Confirmed | undefined

  /**
   * `confirmed`: at the start. A process may stand by for long, and lead again much later: it counts once, and only for what
   * was told then.
   */
  constructor(confirmed: Confirmed | undefined, log: Logger) {
    this.#confirmed = confirmed
    this.#log = log
  }

  /** Returns why the term must not begin, if so. Throws what the steps throw. */
  async settle(steps: OriginSteps): Promise<string | undefined> {
    const { decision, present, problem, why } = await this.#check(steps)
    if (decision === 'refuse') return problem ?? 'the store belongs to another Mesos cluster or database'
    if (decision === 'remember') await steps.adopt(present)
    if (decision === 'forget') {
      const forsaken = await steps.forsake(why ?? 'its framework id was given up')
      this.#log.warn({ forsaken, why }, 'what was live has ended as lost; a new framework id follows')
    }
    this.#confirmed = undefined
    return undefined
  }

  async #check(steps: OriginSteps): Promise<OriginCheck> {
    const asked = await steps.check(unconfirmed)
    const confirmed = this.#confirmed
    if (asked.decision !== 'refuse' || !confirmed || asked.problem !== confirmed.problem) return asked
    return await steps.check(confirmed.said)
  }
}
