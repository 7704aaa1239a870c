// Why tasks wait: for each shape what each agent said when it last offered something. An offer that was refused does not
// come back for a while, so the latest plan alone would know too little. No I/O.
import { explain } from '../placement/reasons.ts'
import type { No, Refusal } from '../placement/types.ts'

export class WaitReasons {
  /** By shape, role and agent. */
  readonly #byShape = new Map<string, Map<string, Map<string, No>>>()
  readonly #roles: readonly string[]

  /** `roles`: those whose offers are used. */
  constructor(roles: readonly string[]) {
    this.#roles = roles
  }

  /** Takes over what a plan said; shapes that wait no more are forgotten. */
  learn(refusals: ReadonlyMap<string, Refusal>, waiting: ReadonlySet<string>): void {
    for (const key of this.#byShape.keys()) if (!waiting.has(key)) this.#byShape.delete(key)
    for (const [key, { noes }] of refusals) {
      const known = this.#byShape.get(key) ?? new Map<string, Map<string, No>>()
      for (const [role, byAgent] of noes) {
        const ofRole = known.get(role) ?? new Map<string, No>()
        for (const [agentId, no] of byAgent) ofRole.set(agentId, no)
        known.set(role, ofRole)
      }
      this.#byShape.set(key, known)
    }
  }

  forgetAgent(agentId: string): void {
    for (const byRole of this.#byShape.values()) {
      for (const byAgent of byRole.values()) byAgent.delete(agentId)
    }
  }

  /** Offers come anew; agents that left meanwhile would be told of for ever. */
  clear(): void {
    this.#byShape.clear()
  }

  /** For people. */
  reason(shapeKey: string): string {
    return explain(this.#byShape.get(shapeKey) ?? new Map(), this.#roles)
  }
}
