// Inverse offers: the master's request that a framework leaves a machine that is scheduled for maintenance (S44), and
// what frameworks answer.
import type { InverseOffer, SchedulerCall } from 'mesos-http-client'
import type { MasterContext } from './context.ts'
import { unavailabilityOf } from './machines.ts'
import { agentState, refuseMs, urlOf } from './offers.ts'
import type { Agent, Framework, MasterInverseOffer } from './state.ts'

type Filters = NonNullable<NonNullable<SchedulerCall['decline']>['filters']>

/** To each framework that has something on the agent, runs or is offered, unless it has one or wants none for now. */
export function sendInverseOffers(context: MasterContext): void {
  const { state, clock, registry } = context
  if (registry.maintenance.machines.length === 0) return
  for (const framework of state.frameworks.values()) {
    if (framework.phase.name !== 'connected') continue
    const made = [...state.agents.values()].flatMap(agent => {
      const quietUntilMs = agent.inverse.quietUntilMs.get(framework.id) ?? 0
      const outstanding = inverseOffersOf(context, agent, framework.id).length > 0
      if (agentState(context, agent) === 'inactive' || outstanding || quietUntilMs > clock.now()) return []
      return has(context, agent, framework) ? (make(context, agent, framework) ?? []) : []
    })
    if (made.length === 0) continue
    framework.phase.stream.send({ type: 'INVERSE_OFFERS', inverse_offers: { inverse_offers: made } })
  }
}

function has(context: MasterContext, agent: Agent, framework: Framework): boolean {
  return (
    agent.executors.has(framework.id) ||
    [...agent.tasks].some(task => task.frameworkId === framework.id) ||
    [...agent.offers].some(id => context.state.offers.get(id)?.frameworkId === framework.id)
  )
}

function make(context: MasterContext, agent: Agent, framework: Framework): InverseOffer | undefined {
  const unavailability = unavailabilityOf(context, agent)
  if (unavailability === undefined) return undefined
  const message: InverseOffer = {
    id: { value: context.state.newOfferId() },
    url: urlOf(context, agent),
    framework_id: { value: framework.id },
    agent_id: { value: agent.id },
    unavailability,
  }
  const offer = { message, frameworkId: framework.id, agentId: agent.id }
  context.state.inverseOffers.set(message.id.value, offer)
  return message
}

/** ACCEPT_ or DECLINE_INVERSE_OFFERS: noted for the operator; the next one comes when the filter has ended. */
export function answerInverseOffers(
  context: MasterContext,
  framework: Framework,
  status: 'ACCEPT' | 'DECLINE',
  call: {
    readonly inverse_offer_ids?: readonly { readonly value: string }[]
    readonly filters?: Filters
  },
): void {
  const nowMs = context.clock.now()
  for (const id of call.inverse_offer_ids ?? []) {
    const offer = context.state.inverseOffers.get(id.value)
    if (offer?.frameworkId !== framework.id) continue
    context.state.inverseOffers.delete(id.value)
    const inverse = context.state.agents.get(offer.agentId)?.inverse
    inverse?.statuses.set(framework.id, {
      status,
      framework_id: { value: framework.id },
      timestamp: { nanoseconds: BigInt(nowMs) * 1_000_000n },
    })
    inverse?.quietUntilMs.set(framework.id, nowMs + refuseMs(call.filters))
  }
}

function inverseOffersOf(
  context: MasterContext,
  agent: Agent | undefined,
  frameworkId?: string,
): MasterInverseOffer[] {
  return [...context.state.inverseOffers.values()].filter(
    offer =>
      (agent === undefined || offer.agentId === agent.id) &&
      (frameworkId === undefined || offer.frameworkId === frameworkId),
  )
}

/** The agent has gone, or its maintenance has changed: frameworks are told. */
export function rescindInverseOffers(context: MasterContext, agent: Agent): void {
  for (const { message, frameworkId } of inverseOffersOf(context, agent)) {
    context.state.inverseOffers.delete(message.id.value)
    const framework = context.state.frameworks.get(frameworkId)
    if (framework?.phase.name !== 'connected') continue
    framework.phase.stream.send({
      type: 'RESCIND_INVERSE_OFFER',
      rescind_inverse_offer: { inverse_offer_id: message.id },
    })
  }
}

/** The framework has gone, or speaks on another stream now. */
export function discardInverseOffers(context: MasterContext, frameworkId: string): void {
  for (const { message } of inverseOffersOf(context, undefined, frameworkId)) {
    context.state.inverseOffers.delete(message.id.value)
  }
}
