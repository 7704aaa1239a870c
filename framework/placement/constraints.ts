// Whether an agent satisfies a task's constraints. Pure.
import type { Constraint } from '../domain/spec.ts'

export interface AgentFacts {
  readonly hostname: string
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

function holds(constraint: Constraint, agent: AgentFacts): boolean {
  const actual =
    constraint.field === 'hostname' ? [agent.hostname] : (agent.attributes.get(constraint.field) ?? [])
  const found = actual.some(value => constraint.values.includes(value))
  return constraint.operator === 'in' ? found : !found
}

/** The first constraint that this agent fails. An attribute that it lacks is in nothing. */
export function firstFailed(constraints: readonly Constraint[], agent: AgentFacts): Constraint | undefined {
  return constraints.find(constraint => !holds(constraint, agent))
}
