// How an agent comes to the master: registration, return, and what it brings with it.
import type { AgentInfo, FrameworkInfo, TaskStatus } from 'mesos-http-client'
import type { Link, ToMaster } from '../core/cluster.ts'
import { Resources } from '../model/resources.ts'
import { isTerminal } from '../model/states.ts'
import type { MasterContext } from './context.ts'
import { tellDraining } from './draining.ts'
import { knownMachine, machineOf } from './machines.ts'
import { agentState } from './offers.ts'
import { taskOf, type Agent, type MasterTask } from './state.ts'
import { forward, removeTask, statusOf, updateTask } from './updates.ts'

type Reregister = Extract<ToMaster, { type: 'REREGISTER' }>

export function register(context: MasterContext, info: AgentInfo, link: Link): void {
  if (refuseDown(context, info, link)) return
  const id = context.state.newAgentId()
  const named = { ...info, id: { value: id } }
  context.metrics.count('slave_registrations')
  context.registry.admit(named)
  const agent = addAgent(context, named, Resources.of(named.resources), link)
  context.changed({ type: 'AGENT_ADDED', agent })
  link.toAgent({ type: 'REGISTERED', agentId: id })
  context.allocate()
}

function addAgent(context: MasterContext, info: AgentInfo, total: Resources, link: Link): Agent {
  const id = info.id?.value ?? ''
  const agent: Agent = {
    id,
    info,
    total,
    phase: { name: 'active', link },
    executors: new Map(),
    tasks: new Set(),
    offers: new Set(),
    pendingKills: new Map(),
    inverse: { statuses: new Map(), quietUntilMs: new Map() },
    drainStartMs: undefined,
    registeredAtMs: context.clock.now(),
    reregisteredAtMs: undefined,
  }
  context.state.agents.set(id, agent)
  context.allocator.addAgent(id, total, regionOf(context, info))
  context.allocator.setAgentState(id, agentState(context, agent))
  context.log('agent added', { agentId: id, hostname: info.hostname })
  return agent
}

/** Nothing registers on a machine that is down; an agent that tries ends. */
function refuseDown(context: MasterContext, info: AgentInfo, link: Link): boolean {
  if (knownMachine(context, machineOf(context, info))?.mode !== 'DOWN') return false
  link.toAgent({ type: 'SHUTDOWN', message: 'Machine is `DOWN`', gone: false })
  return true
}

/** An agent without a domain is nobody's neighbour, and nobody's stranger (S30). */
function regionOf(context: MasterContext, info: AgentInfo): 'own' | 'remote' {
  const region = info.domain?.fault_domain?.region.name
  const own = context.state.info.domain?.fault_domain?.region.name
  return region === undefined || region === own ? 'own' : 'remote'
}

export function reregister(context: MasterContext, message: Reregister, link: Link): void {
  const { state, registry } = context
  const id = message.info.id?.value ?? ''
  context.metrics.count('slave_reregistrations')
  if (registry.isGone(id)) {
    link.toAgent({ type: 'SHUTDOWN', message: 'Agent has been marked gone', gone: true })
    return
  }
  if (refuseDown(context, message.info, link)) return
  const known = state.agents.get(id)
  if (known !== undefined) {
    comeBack(context, known, message, link)
  } else {
    const recovering = state.recovering.get(id)
    recovering?.timer.cancel()
    admitAgain(context, message, link, recovering !== undefined)
    state.recovering.delete(id)
    // Only an agent that is new to the books is offered at once; one that was never away waits for its turn.
    context.allocate()
  }
}

/** The agent never left the books: kills that waited are delivered, what it lost is forgotten (S72). */
function comeBack(context: MasterContext, agent: Agent, message: Reregister, link: Link): void {
  const { state, allocator } = context
  if (agent.phase.name === 'disconnected') agent.phase.unreachable.cancel()
  agent.info = message.info
  agent.total = Resources.of(message.total)
  agent.phase = { name: 'active', link }
  agent.reregisteredAtMs = context.clock.now()
  allocator.updateAgent(agent.id, agent.total)
  allocator.setAgentState(agent.id, agentState(context, agent))
  link.toAgent({ type: 'REREGISTERED' })
  const reported = new Set(message.tasks.map(task => `${task.framework_id.value} ${task.task_id.value}`))
  for (const task of agent.tasks) {
    if (!reported.has(`${task.frameworkId} ${task.info.task_id.value}`)) loseForgotten(context, task)
  }
  const alive = new Set(
    message.executors.map(info => `${info.framework_id?.value} ${info.executor_id.value}`),
  )
  for (const [frameworkId, executors] of agent.executors) {
    for (const executorId of executors.keys()) {
      if (alive.has(`${frameworkId} ${executorId}`)) continue
      const removed = state.removeExecutor(agent, frameworkId, executorId)
      if (removed !== undefined) allocator.recover(frameworkId, agent.id, removed.resources)
    }
  }
  for (const task of message.tasks) {
    const kill = agent.pendingKills.get(`${task.framework_id.value} ${task.task_id.value}`)
    if (kill !== undefined && !isTerminal(task.state)) {
      link.toAgent({
        type: 'KILL_TASK',
        frameworkId: kill.frameworkId,
        taskId: kill.taskId,
        killPolicy: undefined,
      })
    }
  }
  tellDraining(context, agent)
  sendFrameworks(context, link, message.frameworks)
}

/** A task that the master knows and the agent does not: it never arrived there. */
function loseForgotten(context: MasterContext, task: MasterTask): void {
  const framework = context.state.frameworks.get(task.frameworkId)
  const partitionAware = framework?.capabilities.has('PARTITION_AWARE') ?? false
  const status = statusOf(context, task, {
    state: partitionAware ? 'TASK_DROPPED' : 'TASK_LOST',
    message: 'Reconciliation: task unknown to the agent',
    reason: 'REASON_RECONCILIATION',
  })
  updateTask(context, task, status)
  if (framework !== undefined) forward(framework, status)
  removeTask(context, task)
}

/** An agent that was recovering, unreachable or unknown is added with all that it brings. */
function admitAgain(context: MasterContext, message: Reregister, link: Link, wasRecovering: boolean): void {
  const { state, registry, clock } = context
  const id = message.info.id?.value ?? ''
  const wasUnreachable = registry.unreachableSince(id) !== undefined
  registry.admit(message.info)
  for (const info of message.frameworks) {
    const frameworkId = info.id?.value ?? ''
    if (state.frameworks.has(frameworkId) || isCompleted(context, frameworkId)) continue
    const framework = state.addFramework(frameworkId, info, { name: 'recovered' }, clock.now())
    context.allocator.addFramework(frameworkId, framework.roles, [], framework.capabilities)
    context.allocator.setFrameworkState(frameworkId, 'inactive')
    context.changed({ type: 'FRAMEWORK_ADDED', framework })
  }
  const agent = addAgent(context, message.info, Resources.of(message.total), link)
  agent.reregisteredAtMs = clock.now()
  context.changed({ type: 'AGENT_ADDED', agent })
  for (const executor of message.executors) {
    const frameworkId = executor.framework_id?.value ?? ''
    if (isCompleted(context, frameworkId)) continue
    const added = state.addExecutor(agent, frameworkId, executor)
    context.allocator.take(frameworkId, id, added.resources)
  }
  for (const report of message.tasks) {
    const framework = state.frameworks.get(report.framework_id.value)
    if (framework === undefined) continue
    const task = taskOf(report)
    forgetFormer(framework, task.info.task_id.value)
    if (!wasRecovering) {
      const text = wasUnreachable ? 'Unreachable agent re-reregistered' : 'Unknown agent reregistered'
      forward(framework, returned(context, task, text))
    }
    state.addTask(framework, agent, task)
    context.changed({ type: 'TASK_ADDED', task })
    if (!isTerminal(task.state)) context.allocator.take(framework.id, id, task.resources)
  }
  for (const framework of state.frameworks.values()) {
    for (const task of framework.unreachableTasks.values()) {
      if (task.agentId === id) framework.unreachableTasks.delete(task.info.task_id.value)
    }
  }
  link.toAgent({ type: 'REREGISTERED' })
  tellDraining(context, agent)
  sendFrameworks(context, link, message.frameworks)
}

function forgetFormer(
  framework: { unreachableTasks: Map<string, MasterTask>; completedTasks: MasterTask[] },
  id: string,
): void {
  framework.unreachableTasks.delete(id)
  framework.completedTasks = framework.completedTasks.filter(task => task.info.task_id.value !== id)
}

function returned(context: MasterContext, task: MasterTask, message: string): TaskStatus {
  const last = task.statuses.at(-1)
  return {
    ...statusOf(context, task, { state: task.state, message, reason: 'REASON_AGENT_REREGISTERED' }),
    ...(last?.healthy !== undefined && { healthy: last.healthy }),
    ...(last?.check_status !== undefined && { check_status: last.check_status }),
    ...(last?.container_status !== undefined && { container_status: last.container_status }),
  }
}

/** Tells a returning agent what became of its frameworks. */
function sendFrameworks(context: MasterContext, link: Link, frameworks: readonly FrameworkInfo[]): void {
  for (const info of frameworks) {
    const id = info.id?.value ?? ''
    const known = context.state.frameworks.get(id)
    if (isCompleted(context, id)) link.toAgent({ type: 'SHUTDOWN_FRAMEWORK', frameworkId: id })
    else if (known !== undefined) link.toAgent({ type: 'UPDATE_FRAMEWORK', framework: known.info })
  }
}

function isCompleted(context: MasterContext, frameworkId: string): boolean {
  return context.state.completedFrameworks.some(framework => framework.id === frameworkId)
}
