// DEACTIVATE_AGENT, DRAIN_AGENT, REACTIVATE_AGENT of an operator: an agent that is offered to nobody, one whose tasks
// are killed besides, and the way back. Texts are Mesos' own.
import type { DrainInfo, DurationInfo, MachineID } from 'mesos-http-client'
import { markGone, rescindAll } from './agent-loss.ts'
import type { MasterContext } from './context.ts'
import { machineOf, sameMachine } from './machines.ts'
import { agentState } from './offers.ts'
import type { Agent } from './state.ts'

export interface Drain {
  /** Bounds the grace of every task's kill. */
  readonly maxGracePeriod?: DurationInfo | undefined
  readonly markGone: boolean
}

function isKnown({ state, registry }: MasterContext, agentId: string): boolean {
  return (
    state.agents.has(agentId) ||
    state.recovering.has(agentId) ||
    registry.unreachableSince(agentId) !== undefined
  )
}

function printed({ hostname, ip }: MachineID): string {
  return [hostname, ip && `(${ip})`].filter(part => part !== undefined).join(' ')
}

/** A text says why not. */
export function deactivateAgent(context: MasterContext, agentId: string): string | undefined {
  if (!isKnown(context, agentId)) return 'Unknown agent'
  context.registry.deactivate(agentId)
  deactivate(context, agentId)
  return undefined
}

function deactivate(context: MasterContext, agentId: string): void {
  const agent = context.state.agents.get(agentId)
  if (agent === undefined) return
  context.allocator.setAgentState(agentId, agentState(context, agent))
  rescindAll(context, agent)
}

/** A text says why not. */
export function drainAgent(context: MasterContext, agentId: string, drain: Drain): string | undefined {
  if (!isKnown(context, agentId)) return 'Unknown agent'
  const agent = context.state.agents.get(agentId)
  const machine = agent && machineOf(context, agent.info)
  const planned = (context.registry.maintenance.schedule.windows ?? [])
    .flatMap(window => window.machine_ids ?? [])
    .find(id => machine !== undefined && sameMachine(id, machine))
  if (planned !== undefined) {
    return `Agent ${agentId} is part of a maintenance schedule under Machine ${printed(planned)}`
  }
  const config = {
    ...(drain.maxGracePeriod !== undefined && { max_grace_period: drain.maxGracePeriod }),
    mark_gone: drain.markGone,
  }
  context.registry.deactivate(agentId, { state: 'DRAINING', config })
  deactivate(context, agentId)
  if (agent !== undefined) {
    agent.drainStartMs = context.clock.now()
    tellDraining(context, agent)
    settleDraining(context)
  }
  return undefined
}

/** A text says why not: 400, but 409 where the agent is not there. */
export function reactivateAgent(
  context: MasterContext,
  agentId: string,
): { readonly status: 400 | 409; readonly message: string } | undefined {
  const { registry, state, allocator } = context
  if (!registry.isDeactivated(agentId)) return { status: 400, message: 'Agent is not deactivated' }
  if (registry.drainInfo(agentId)?.state === 'DRAINING') {
    return { status: 400, message: 'Agent is still in the DRAINING state' }
  }
  registry.reactivate(agentId)
  const agent = state.agents.get(agentId)
  if (agent === undefined) return { status: 409, message: 'Agent removed while processing the call' }
  agent.drainStartMs = undefined
  allocator.setAgentState(agentId, agentState(context, agent))
  return undefined
}

/** An agent that drains, or has drained, is told so, again when it comes back. */
export function tellDraining(context: MasterContext, agent: Agent): void {
  const info: DrainInfo | undefined = context.registry.drainInfo(agent.id)
  if (info !== undefined && agent.phase.name === 'active') {
    agent.phase.link.toAgent({ type: 'DRAIN', config: info.config })
  }
}

/** Those without tasks have drained: DRAINED, or marked gone where the operator wished it. */
export function settleDraining(context: MasterContext): void {
  for (const agentId of context.registry.draining) {
    const agent = context.state.agents.get(agentId)
    const info = context.registry.drainInfo(agentId)
    if (agent === undefined || info === undefined || agent.tasks.size > 0) continue
    if (info.config.mark_gone === true) markGone(context, agentId)
    else context.registry.deactivate(agentId, { ...info, state: 'DRAINED' })
    context.log('agent drained', { agentId })
  }
}
