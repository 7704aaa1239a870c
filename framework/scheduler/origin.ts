// Before a term turns to Mesos: is this where our framework id is at home (S5, S16)? Carries out what was decided, once.
import { unconfirmed, type Confirmation, type Origin } from '../domain/origin.ts'
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
  #said: Confirmation

  /** `said`: on the command line. A process that leads again much later must not take it for granted, so it counts once. */
  constructor(said: Confirmation, log: Logger) {
    this.#said = said
    this.#log = log
  }

  /** Returns why the term must not begin, if so. Throws what the steps throw. */
  async settle(steps: OriginSteps): Promise<string | undefined> {
    const { decision, present, problem, why } = await steps.check(this.#said)
    if (decision === 'refuse') return problem ?? 'the store belongs to another Mesos cluster or database'
    if (decision === 'remember') await steps.adopt(present)
    if (decision === 'forget') {
      const forsaken = await steps.forsake(why ?? 'its framework id was given up')
      this.#log.warn({ forsaken }, 'moved to another Mesos cluster: the framework id is forgotten')
    }
    this.#said = unconfirmed
    return undefined
  }
}
