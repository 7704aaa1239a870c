// Dynamic reservations: RESERVE and UNRESERVE of operators, who get them out of what is free or offered, and of
// frameworks in an ACCEPT, who get them out of their offers. Texts are Mesos' own.
import type { Resource } from 'mesos-http-client'
import { isSubroleOf, refined, reservationRole } from '../model/reservations.ts'
import { Resources } from '../model/resources.ts'
import type { MasterContext } from './context.ts'
import { refuseMs, rescindOffer } from './offers.ts'
import type { Agent, Framework } from './state.ts'
import { roleError } from './validate-framework.ts'

export interface Reservation {
  readonly resources?: readonly Resource[] | undefined
  /** What is to be reserved; the same unreserved, or one refinement less, where it is not said. */
  readonly source?: readonly Resource[] | undefined
}

/** What becomes what. */
interface Conversion {
  readonly from: Resources
  readonly to: Resources
}

const one = (resource: Resource): string => Resources.of([resource]).toString()

/** What is wrong with the reservations of one resource, whoever asks. */
export function shapeError(resource: Resource): string | undefined {
  const { reservations = [] } = refined(resource)
  for (const [index, { type, role }] of reservations.entries()) {
    if (type === undefined || type === 'UNKNOWN') {
      return "Invalid reservation: 'Resource.ReservationInfo.type' field must be set."
    }
    if (role === undefined) return "Invalid reservation: 'Resource.ReservationInfo.role' field must be set."
    const wrong = roleError(role)
    if (wrong !== undefined) return wrong
    if (role === '*') return 'Invalid reservation: role "*" cannot be reserved'
    const above = reservations[index - 1]?.role
    if (above === undefined) continue
    if (type === 'STATIC') return 'Invalid refined reservation: A refined reservation cannot be STATIC'
    if (!isSubroleOf(role, above)) {
      return `Invalid refined reservation: role '${role}' is not a refinement of '${above}'`
    }
  }
  return undefined
}

const isDynamic = (resource: Resource): boolean => refined(resource).reservations?.at(-1)?.type === 'DYNAMIC'

/** Who may reserve it: the principal that asks must be the one in the reservation. */
function reserveError(resource: Resource, principal: string | undefined): string | undefined {
  if (!isDynamic(resource)) return `Resource ${one(resource)} is not dynamically reserved`
  if (principal === undefined) return undefined
  const named = refined(resource).reservations?.at(-1)?.principal
  if (named === principal) return undefined
  return named === undefined
    ? `A reserve operation was attempted by principal '${principal}', but there is a reserved resource in the request with no principal set`
    : `A reserve operation was attempted by authenticated principal '${principal}', which does not match a reserved resource in the request with principal '${named}'`
}

/** A framework reserves for the role that it was offered the resources for. */
function ownerError(resource: Resource, framework: Framework): string | undefined {
  const role = reservationRole(refined(resource))
  const allocated = resource.allocation_info?.role
  if (allocated === undefined) {
    return `A reserve operation was attempted on unallocated resource '${one(resource)}', but frameworks can only perform reservations on allocated resources`
  }
  if (allocated !== role) {
    return `A reserve operation was attempted for a resource with role '${role}', but the resource was allocated to role '${allocated}'`
  }
  if (!framework.roles.includes(role)) {
    return `A reserve operation was attempted for a resource with role '${role}', but the framework can only reserve resources with roles '${framework.roles.join("', '")}'`
  }
  return undefined
}

const firstError = (
  resources: readonly Resource[],
  check: (resource: Resource) => string | undefined,
): string | undefined => resources.map(check).find(error => error !== undefined)

function reservation({ resources, source = [] }: Reservation): Conversion {
  const to = Resources.of(resources)
  return { from: source.length > 0 ? Resources.of(source) : to.popReservation(), to }
}

function unreservation({ resources }: Reservation): Conversion {
  const from = Resources.of(resources)
  return { from, to: from.popReservation() }
}

/** RESERVE or UNRESERVE in an ACCEPT: what the offers then hold, or why it is not done (which nobody is told). */
export function convertOffered(
  context: MasterContext,
  framework: Framework,
  agent: Agent,
  type: 'RESERVE' | 'UNRESERVE',
  asked: Reservation,
  offered: Resources,
): Resources | string {
  const resources = asked.resources ?? []
  const wrong =
    firstError(resources, shapeError) ??
    (type === 'RESERVE'
      ? (firstError(resources, resource => reserveError(resource, framework.info.principal)) ??
        firstError(resources, resource => ownerError(resource, framework)))
      : firstError(resources, unreserveError))
  if (wrong !== undefined) return wrong
  if ((asked.source ?? []).length > 0) {
    return 'Reservation updates are not yet implemented for the scheduler API.'
  }
  const conversion = type === 'RESERVE' ? reservation(asked) : unreservation(asked)
  if (!offered.contains(conversion.from)) {
    return `${offered.toString()} does not contain ${conversion.from.toString()}`
  }
  convert(context, agent, conversion, 'allocated')
  return offered.minus(conversion.from).plus(conversion.to)
}

function unreserveError(resource: Resource): string | undefined {
  return isDynamic(resource) ? undefined : `Resource ${one(resource)} is not dynamically reserved`
}

/** RESERVE_RESOURCES and UNRESERVE_RESOURCES of an operator: 202, 400 where it is wrong, 409 where too little is free. */
export function convertFree(
  context: MasterContext,
  agentId: string,
  type: 'RESERVE' | 'UNRESERVE',
  asked: Reservation,
  principal: string | undefined,
): { readonly status: 202 } | { readonly status: 400 | 409; readonly message: string } {
  const agent = context.state.agents.get(agentId)
  if (agent === undefined) return { status: 400, message: 'No agent found with specified ID' }
  const resources = asked.resources ?? []
  const shape = firstError([...resources, ...(asked.source ?? [])], shapeError)
  if (shape !== undefined) return { status: 400, message: shape }
  const wrong =
    type === 'RESERVE'
      ? (firstError(resources, resource => reserveError(resource, principal)) ??
        (resources.some(resource => resource.allocation_info !== undefined)
          ? 'A reserve operation was attempted with an allocated resource, but the operator API only allows reservations to be made to unallocated resources'
          : undefined))
      : firstError(resources, unreserveError)
  if (wrong !== undefined) {
    const of =
      type === 'RESERVE'
        ? `RESERVE operation on agent ${agent.id} (${agent.info.hostname})`
        : 'UNRESERVE operation'
    return { status: 400, message: `Invalid ${of}: ${wrong}` }
  }
  const conversion = type === 'RESERVE' ? reservation(asked) : unreservation(asked)
  rescindEnough(context, agent, conversion.from)
  const available = context.allocator.available(agent.id) ?? Resources.none
  if (!available.contains(conversion.from)) {
    return {
      status: 409,
      message: `${available.toString()} does not contain ${conversion.from.toString()}`,
    }
  }
  convert(context, agent, conversion, 'available')
  return { status: 202 }
}

/** Offers are taken back, with the default filter, until what they held is enough, as if nothing were free. */
function rescindEnough(context: MasterContext, agent: Agent, wanted: Resources): void {
  let missing = wanted
  for (const offerId of agent.offers) {
    const offer = context.state.offers.get(offerId)
    const left = offer && missing.minus(offer.resources.unallocated())
    if (offer === undefined || left === undefined || left.equals(missing)) continue
    missing = left
    rescindOffer(context, offer, refuseMs(undefined))
    if (missing.isEmpty) return
  }
}

function convert(
  context: MasterContext,
  agent: Agent,
  { from, to }: Conversion,
  of: 'available' | 'allocated',
): void {
  agent.total = agent.total.minus(from.unallocated()).plus(to.unallocated())
  context.allocator.convert(agent.id, from, to, of)
  if (agent.phase.name === 'active') {
    agent.phase.link.toAgent({ type: 'CHECKPOINT_RESOURCES', total: agent.total.messages() })
  }
  context.log('resources converted', { agentId: agent.id, from: from.toString(), to: to.toString() })
}
