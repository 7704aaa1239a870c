// Status updates through the master: from an agent to the scheduler, the acknowledgement back, and what both do to
// the task and its resources.
import type { TaskStatus } from 'mesos-http-client'
import { isTerminal } from '../model/states.ts'
import { uuidKey } from '../model/uuid.ts'
import type { MasterContext } from './context.ts'
import { completedLimit, type Agent, type Framework, type MasterTask } from './state.ts'

export interface StatusFields {
  readonly taskId: string
  readonly agentId: string | undefined
  readonly state: TaskStatus['state']
  readonly message: string
  readonly reason: NonNullable<TaskStatus['reason']>
  readonly executorId?: string | undefined
}

/** A status that the master makes itself: never a uuid, so never acknowledged (S53). */
export function masterStatus(fields: StatusFields, nowMs: number): TaskStatus {
  return {
    task_id: { value: fields.taskId },
    state: fields.state,
    message: fields.message,
    source: 'SOURCE_MASTER',
    reason: fields.reason,
    ...(fields.agentId !== undefined && { agent_id: { value: fields.agentId } }),
    ...(fields.executorId !== undefined && { executor_id: { value: fields.executorId } }),
    timestamp: nowMs / 1000,
  }
}

/** A status of a task that the master knows. */
export function statusOf(
  context: MasterContext,
  task: MasterTask,
  fields: Pick<StatusFields, 'state' | 'message' | 'reason'>,
): TaskStatus {
  return masterStatus(
    { ...fields, taskId: task.info.task_id.value, agentId: task.agentId, executorId: task.executorId },
    context.clock.now(),
  )
}

/** Sends an UPDATE to a connected framework and remembers what was forwarded last (S70). */
export function forward(framework: Framework, status: TaskStatus): void {
  const task = framework.tasks.get(status.task_id.value)
  if (task !== undefined && status.uuid !== undefined) task.forwarded = { status }
  if (framework.phase.name === 'connected') {
    framework.phase.stream.send({ type: 'UPDATE', update: { status } })
  }
}

/** An update from an agent: forwarded if somebody listens, then applied. */
export function onStatusUpdate(
  context: MasterContext,
  agent: Agent,
  frameworkId: string,
  status: TaskStatus,
  latestState: TaskStatus['state'],
): void {
  const framework = context.state.frameworks.get(frameworkId)
  if (framework?.phase.name === 'connected') forward(framework, status)
  const task = framework?.tasks.get(status.task_id.value)
  if (task === undefined || task.agentId !== agent.id) return
  updateTask(context, task, status, latestState)
}

/** Applies a status to a task; a task that has ended gives its resources back at once. */
export function updateTask(
  context: MasterContext,
  task: MasterTask,
  status: TaskStatus,
  latestState: TaskStatus['state'] = status.state,
): void {
  const held = holdsResources(task.state)
  const isNew = !isTerminal(task.state) && task.state !== latestState
  if (!isTerminal(task.state)) task.state = latestState
  if (task.statuses.at(-1)?.state === status.state) task.statuses.pop()
  const { data: _data, ...kept } = status
  task.statuses.push(kept)
  if (isNew) context.changed({ type: 'TASK_UPDATED', task, status })
  if (held && !holdsResources(task.state)) {
    if (isTerminal(task.state)) context.metrics.count(`tasks_${task.state.slice(5).toLowerCase()}`)
    context.allocator.recover(task.frameworkId, task.agentId, task.resources)
  }
}

/** Forgets a task at its framework and agent; `unreachable` keeps it aside until its agent is back. */
export function removeTask(
  context: MasterContext,
  task: MasterTask,
  where: 'completed' | 'unreachable' = 'completed',
): void {
  if (holdsResources(task.state)) context.allocator.recover(task.frameworkId, task.agentId, task.resources)
  const taskId = task.info.task_id.value
  context.state.agents.get(task.agentId)?.tasks.delete(task)
  const framework = context.state.frameworks.get(task.frameworkId)
  if (framework?.tasks.get(taskId) !== task) return
  framework.tasks.delete(taskId)
  if (where === 'unreachable') framework.unreachableTasks.set(taskId, task)
  else addCompleted(framework, task)
}

export function addCompleted(framework: Framework, task: MasterTask): void {
  framework.completedTasks.push(task)
  if (framework.completedTasks.length > completedLimit) framework.completedTasks.shift()
}

/** An acknowledgement of the scheduler: ends a terminal task, and goes on to the agent if that is connected. */
export function acknowledge(
  context: MasterContext,
  framework: Framework,
  acknowledged: { readonly agentId: string; readonly taskId: string; readonly uuid: Uint8Array },
): void {
  const agent = context.state.agents.get(acknowledged.agentId)
  if (agent?.phase.name !== 'active') return
  const task = framework.tasks.get(acknowledged.taskId)
  if (task?.agentId === agent.id) {
    const last = task.forwarded?.status
    if (last === undefined) return
    if (isTerminal(last.state) && uuidKey(last.uuid) === uuidKey(acknowledged.uuid)) removeTask(context, task)
  }
  agent.phase.link.toAgent({
    type: 'ACKNOWLEDGE',
    frameworkId: framework.id,
    taskId: acknowledged.taskId,
    uuid: acknowledged.uuid,
  })
}

function holdsResources(state: TaskStatus['state']): boolean {
  return !isTerminal(state) && state !== 'TASK_UNREACHABLE'
}
