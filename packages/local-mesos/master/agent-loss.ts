// How the master loses an agent: disconnection, unreachable, unregistered, marked gone; and what its tasks are told.
import type { TaskStatus } from 'mesos-http-client'
import type { Link } from '../core/cluster.ts'
import type { MasterContext } from './context.ts'
import { rescindInverseOffers } from './inverse-offers.ts'
import { rescindOffer } from './offers.ts'
import type { Agent, MasterTask } from './state.ts'
import { addCompleted, forward, removeTask, statusOf, updateTask } from './updates.ts'

/** The link broke: offers are rescinded, tasks without checkpoint are lost at once, the rest may come back. */
export function agentDisconnected(context: MasterContext, link: Link): void {
  const { state, allocator, clock, settings } = context
  const agent = [...state.agents.values()].find(
    candidate => candidate.phase.name === 'active' && candidate.phase.link === link,
  )
  if (agent === undefined) return
  const unreachable = clock.after(settings.agentTimeoutMs, () => {
    if (agent.phase.name === 'disconnected') markUnreachable(context, agent, 'health check timed out')
  })
  agent.phase = { name: 'disconnected', unreachable }
  allocator.setAgentState(agent.id, 'inactive')
  rescindAll(context, agent)
  for (const frameworkId of new Set([
    ...agent.executors.keys(),
    ...[...agent.tasks].map(task => task.frameworkId),
  ])) {
    const framework = state.frameworks.get(frameworkId)
    if (framework === undefined || framework.info.checkpoint === true) continue
    for (const task of [...agent.tasks].filter(candidate => candidate.frameworkId === frameworkId)) {
      const status = statusOf(context, task, {
        state: 'TASK_LOST',
        message: `Agent ${agent.info.hostname} disconnected`,
        reason: 'REASON_AGENT_DISCONNECTED',
      })
      updateTask(context, task, status)
      removeTask(context, task)
      forward(framework, status)
    }
    removeExecutors(context, agent, frameworkId)
  }
  context.log('agent disconnected', { agentId: agent.id })
}

/** The pings failed while the connection stood: a partition (S56, S57). */
export function markUnreachable(context: MasterContext, agent: Agent, message: string): void {
  const nowMs = context.clock.now()
  context.registry.markUnreachable(agent.id, nowMs)
  if (agent.phase.name === 'active') agent.phase.link.cut()
  removeAgent(
    context,
    agent,
    task => {
      const framework = context.state.frameworks.get(task.frameworkId)
      const partitionAware = framework?.capabilities.has('PARTITION_AWARE') ?? false
      return {
        ...statusOf(context, task, {
          state: partitionAware ? 'TASK_UNREACHABLE' : 'TASK_LOST',
          message,
          reason: 'REASON_AGENT_REMOVED',
        }),
        unreachable_time: { nanoseconds: BigInt(nowMs) * 1_000_000n },
      }
    },
    'unreachable',
  )
}

/** The agent took its leave: its tasks are LOST, for PARTITION_AWARE frameworks too (S56). */
export function unregister(context: MasterContext, agent: Agent): void {
  removeLost(context, agent, 'the agent unregistered')
}

/** An operator takes its machine down: it is told to end, and not waited for (S56). */
export function removeByOperator(context: MasterContext, agent: Agent, message: string): void {
  if (agent.phase.name === 'active') agent.phase.link.toAgent({ type: 'SHUTDOWN', message, gone: false })
  removeLost(context, agent, message)
}

function removeLost(context: MasterContext, agent: Agent, why: string): void {
  context.registry.remove(agent.id)
  removeAgent(context, agent, task =>
    statusOf(context, task, {
      state: 'TASK_LOST',
      message: `Agent ${agent.info.hostname} removed: ${why}`,
      reason: 'REASON_AGENT_REMOVED',
    }),
  )
}

/** MARK_AGENT_GONE of an operator. Returns false for an agent that nobody knows. */
export function markGone(context: MasterContext, agentId: string): boolean {
  const { state, registry, clock } = context
  const agent = state.agents.get(agentId)
  const known =
    agent !== undefined || state.recovering.has(agentId) || registry.unreachableSince(agentId) !== undefined
  if (!known) return registry.isGone(agentId)
  registry.markGone(agentId, clock.now())
  state.recovering.get(agentId)?.timer.cancel()
  state.recovering.delete(agentId)
  const message = 'Agent has been marked gone'
  const gone = (task: MasterTask): TaskStatus => {
    const framework = state.frameworks.get(task.frameworkId)
    const partitionAware = framework?.capabilities.has('PARTITION_AWARE') ?? false
    return statusOf(context, task, {
      state: partitionAware ? 'TASK_GONE_BY_OPERATOR' : 'TASK_LOST',
      message,
      reason: partitionAware ? 'REASON_AGENT_REMOVED_BY_OPERATOR' : 'REASON_AGENT_REMOVED',
    })
  }
  if (agent !== undefined) {
    if (agent.phase.name === 'active') agent.phase.link.toAgent({ type: 'SHUTDOWN', message, gone: true })
    removeAgent(context, agent, gone)
    return true
  }
  for (const framework of state.frameworks.values()) {
    for (const task of framework.unreachableTasks.values()) {
      if (task.agentId !== agentId) continue
      const status = gone(task)
      updateTask(context, task, status)
      forward(framework, status)
      framework.unreachableTasks.delete(task.info.task_id.value)
      addCompleted(framework, task)
    }
  }
  return true
}

/** UPDATE for each task, RESCIND for each offer, then FAILURE with the agent alone. */
function removeAgent(
  context: MasterContext,
  agent: Agent,
  verdict: (task: MasterTask) => TaskStatus,
  where: 'completed' | 'unreachable' = 'completed',
): void {
  const { state, allocator } = context
  if (agent.phase.name === 'disconnected') agent.phase.unreachable.cancel()
  allocator.setAgentState(agent.id, 'inactive')
  for (const task of agent.tasks) {
    const framework = state.frameworks.get(task.frameworkId)
    const status = verdict(task)
    updateTask(context, task, status)
    if (framework !== undefined) forward(framework, status)
    const keep = where === 'unreachable' && (task.state === 'TASK_UNREACHABLE' || task.state === 'TASK_LOST')
    removeTask(context, task, keep ? 'unreachable' : 'completed')
  }
  rescindAll(context, agent)
  for (const frameworkId of agent.executors.keys()) removeExecutors(context, agent, frameworkId)
  context.metrics.count('slave_removals')
  if (where === 'unreachable') context.metrics.count('slave_unreachable_completed')
  state.agents.delete(agent.id)
  allocator.removeAgent(agent.id)
  sendAgentLost(context, agent.id)
  context.changed({ type: 'AGENT_REMOVED', agent })
  context.log('agent removed', { agentId: agent.id })
}

/** FAILURE without an executor: a whole agent is lost. */
export function sendAgentLost(context: MasterContext, agentId: string): void {
  for (const framework of context.state.frameworks.values()) {
    if (framework.phase.name !== 'connected') continue
    framework.phase.stream.send({ type: 'FAILURE', failure: { agent_id: { value: agentId } } })
  }
}

function removeExecutors(context: MasterContext, agent: Agent, frameworkId: string): void {
  for (const executorId of agent.executors.get(frameworkId)?.keys() ?? []) {
    const executor = context.state.removeExecutor(agent, frameworkId, executorId)
    if (executor !== undefined) context.allocator.recover(frameworkId, agent.id, executor.resources)
  }
}

/** Offers and inverse offers, as an agent that is not to be used any more has none. */
export function rescindAll(context: MasterContext, agent: Agent): void {
  for (const offerId of agent.offers) {
    const offer = context.state.offers.get(offerId)
    if (offer !== undefined) rescindOffer(context, offer)
  }
  rescindInverseOffers(context, agent)
}
