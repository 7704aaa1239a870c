// Offers: made from allocations, taken back, declined; SUPPRESS and REVIVE.
import type { Offer, Resource, SchedulerCall } from 'mesos-http-client'
import { formatted } from '../model/reservations.ts'
import type { Allocation } from './allocator.ts'
import type { MasterContext } from './context.ts'
import { unavailabilityOf } from './machines.ts'
import type { Agent, Framework, MasterOffer } from './state.ts'
import { roleError } from './validate-framework.ts'

/** Filters' default, also for a negative number. */
const defaultRefuseMs = 5000
/** The longest filter: a year, as in Mesos. */
const longestRefuseMs = 365 * 24 * 3_600_000

type Filters = NonNullable<NonNullable<SchedulerCall['decline']>['filters']>

/** Milliseconds that a refusal lasts; S34's default is 5 s. */
export function refuseMs(filters: Filters | undefined): number {
  const seconds = filters?.refuse_seconds
  if (seconds === undefined || Number.isNaN(seconds) || seconds < 0) return defaultRefuseMs
  return Math.min(seconds * 1000, longestRefuseMs)
}

/** Whether anybody is offered what the agent has: neither while it is away nor while an operator forbids it. */
export function agentState({ registry }: MasterContext, agent: Agent): 'active' | 'inactive' {
  return agent.phase.name === 'active' && !registry.isDeactivated(agent.id) ? 'active' : 'inactive'
}

export function urlOf({ settings }: MasterContext, { info }: Agent): NonNullable<Offer['url']> {
  const address = { hostname: info.hostname, ip: settings.ip, port: info.port ?? 0 }
  return { scheme: 'http', address, path: '/slave(1)' }
}

/** One OFFERS event per framework, one offer per agent. */
export function sendOffers(context: MasterContext, allocations: readonly Allocation[]): void {
  const byFramework = Map.groupBy(allocations, allocation => allocation.frameworkId)
  for (const [frameworkId, own] of byFramework) {
    const framework = context.state.frameworks.get(frameworkId)
    const made = own.flatMap(allocation => makeOffer(context, framework, allocation) ?? [])
    if (framework?.phase.name !== 'connected' || made.length === 0) continue
    framework.phase.stream.send({
      type: 'OFFERS',
      offers: { offers: made.map(offer => forFramework(framework, offer.message)) },
    })
  }
}

function makeOffer(
  context: MasterContext,
  framework: Framework | undefined,
  allocation: Allocation,
): MasterOffer | undefined {
  const { state, allocator } = context
  const agent = state.agents.get(allocation.agentId)
  if (framework?.phase.name !== 'connected' || agent?.phase.name !== 'active') {
    allocator.recover(allocation.frameworkId, allocation.agentId, allocation.resources)
    return undefined
  }
  const unavailability = unavailabilityOf(context, agent)
  const executorIds = [...(agent.executors.get(framework.id)?.keys() ?? [])]
  const message: Offer = {
    id: { value: state.newOfferId() },
    framework_id: { value: framework.id },
    agent_id: { value: agent.id },
    hostname: agent.info.hostname,
    url: urlOf(context, agent),
    resources: allocation.resources.messages(),
    ...(agent.info.attributes !== undefined && { attributes: agent.info.attributes }),
    ...(executorIds.length > 0 && { executor_ids: executorIds.map(value => ({ value })) }),
    ...(unavailability !== undefined && { unavailability }),
    allocation_info: { role: allocation.role },
    ...(agent.info.domain !== undefined && { domain: agent.info.domain }),
  }
  const offer: MasterOffer = { ...allocation, message }
  state.offers.set(message.id.value, offer)
  agent.offers.add(message.id.value)
  return offer
}

/** Frameworks of before MULTI_ROLE see no allocation; those of before RESERVATION_REFINEMENT see the old role field. */
function forFramework(framework: Framework, offer: Offer): Offer {
  const multiRole = framework.capabilities.has('MULTI_ROLE')
  const refined = framework.capabilities.has('RESERVATION_REFINEMENT')
  if (multiRole && refined) return offer
  const { allocation_info: allocation, resources, ...rest } = offer
  const adapt = ({ allocation_info, ...resource }: Resource): Resource => ({
    ...formatted(resource, refined ? 'refined' : 'old'),
    ...(multiRole && allocation_info !== undefined && { allocation_info }),
  })
  return {
    ...rest,
    resources: (resources ?? []).map(adapt),
    ...(multiRole && allocation !== undefined && { allocation_info: allocation }),
  }
}

/** Takes an offer out of the books; its resources stay allocated until the caller uses or recovers them. */
export function removeOffer(context: MasterContext, offer: MasterOffer): void {
  context.state.offers.delete(offer.message.id.value)
  context.state.agents.get(offer.agentId)?.offers.delete(offer.message.id.value)
}

/** Ends an offer without telling the framework; filters only where the framework refused. */
export function discardOffer(context: MasterContext, offer: MasterOffer, refusedMs?: number): void {
  removeOffer(context, offer)
  context.allocator.recover(
    offer.frameworkId,
    offer.agentId,
    offer.resources,
    refusedMs === undefined
      ? undefined
      : {
          refuseMs: refusedMs,
          intervalMs: context.settings.allocationIntervalMs,
          nowMs: context.clock.now(),
        },
  )
}

/** Ends an offer and tells the framework, if it is there to hear; a filter only where one is asked for. */
export function rescindOffer(context: MasterContext, offer: MasterOffer, refusedMs?: number): void {
  discardOffer(context, offer, refusedMs)
  const framework = context.state.frameworks.get(offer.frameworkId)
  if (framework?.phase.name === 'connected') {
    framework.phase.stream.send({ type: 'RESCIND', rescind: { offer_id: offer.message.id } })
  }
}

export function offersOf(context: MasterContext, frameworkId: string): MasterOffer[] {
  return [...context.state.offers.values()].filter(offer => offer.frameworkId === frameworkId)
}

export function decline(
  context: MasterContext,
  framework: Framework,
  call: NonNullable<SchedulerCall['decline']>,
): void {
  for (const id of call.offer_ids ?? []) {
    const offer = context.state.offers.get(id.value)
    if (offer?.frameworkId === framework.id) discardOffer(context, offer, refuseMs(call.filters))
  }
}

/** Roles named in REVIVE or SUPPRESS; none means all. An invalid or foreign one makes the call void. */
function namedRoles(
  framework: Framework,
  named: readonly string[] | undefined,
): readonly string[] | undefined {
  if (named === undefined || named.length === 0) return framework.roles
  const valid = named.every(role => roleError(role) === undefined && framework.roles.includes(role))
  return valid ? named : undefined
}

export function suppress(
  context: MasterContext,
  framework: Framework,
  call: SchedulerCall['suppress'],
): void {
  const roles = namedRoles(framework, call?.roles)
  if (roles !== undefined) context.allocator.suppress(framework.id, roles)
}

/** Clears filters and suppression and offers at once (S35). */
export function revive(context: MasterContext, framework: Framework, call: SchedulerCall['revive']): void {
  const roles = namedRoles(framework, call?.roles)
  if (roles === undefined) return
  context.allocator.revive(framework.id, roles)
  context.allocate()
}
