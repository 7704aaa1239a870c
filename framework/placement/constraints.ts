// Whether an agent satisfies a task's constraints, and whether it stands where tasks go by themselves. Pure.
import { regionField, zoneField, type Constraint } from '../domain/spec.ts'
import type { AttributeValue, OfferSnapshot } from './types.ts'

export type AgentFacts = Pick<OfferSnapshot, 'hostname' | 'attributes' | 'region' | 'zone'>

/** What the agent has for this field; nothing where it has none. */
function valuesOf(
  field: string,
  agent: AgentFacts,
  homeRegion: string | undefined,
): readonly AttributeValue[] {
  switch (field) {
    case 'hostname':
      return [agent.hostname]
    case regionField:
      return present(agent.region ?? homeRegion)
    case zoneField:
      return present(agent.zone)
    default:
      return agent.attributes.get(field) ?? []
  }
}

function present(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value]
}

/** Numbers are compared as such (8 is 8.0), and one that lies within a range is in it. */
function matches(wanted: string, actual: AttributeValue): boolean {
  if (typeof actual === 'string') return wanted === actual
  const number = /^[+-]?\d+(\.\d+)?$/.test(wanted) ? Number(wanted) : undefined
  // Mesos keeps three decimals of a scalar.
  if (typeof actual === 'number') return number !== undefined && Math.abs(number - actual) < 0.0005
  const [begin, end] = actual
  return number === undefined ? wanted === `${begin}-${end}` : begin <= number && number <= end
}

export interface FailedConstraint {
  readonly constraint: Constraint
  readonly found: readonly AttributeValue[]
}

/** The first constraint that this agent fails. An attribute that it lacks is in nothing. */
export function firstFailed(
  constraints: readonly Constraint[],
  agent: AgentFacts,
  homeRegion?: string,
): FailedConstraint | undefined {
  for (const constraint of constraints) {
    const found = valuesOf(constraint.field, agent, homeRegion)
    const isIn = found.some(actual => constraint.values.some(wanted => matches(wanted, actual)))
    if (isIn !== (constraint.operator === 'in')) return { constraint, found }
  }
  return undefined
}

/**
 * The agent's region, where tasks with these constraints don't go by themselves: another one than the master's, while
 * none of them speaks of regions (S30). An agent that names none is taken to stand where the master does, as Mesos does.
 */
export function foreignRegion(
  constraints: readonly Constraint[],
  { region }: Pick<AgentFacts, 'region'>,
  homeRegion: string | undefined,
): string | undefined {
  if (region === undefined || homeRegion === undefined || region === homeRegion) return undefined
  return constraints.some(({ field }) => field === regionField) ? undefined : region
}
