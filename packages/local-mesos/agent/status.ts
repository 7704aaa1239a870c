// Status updates at the agent: those of executors and its own, on their way into the task's stream; and the
// scheduler's acknowledgements coming back.
import type { ContainerStatus, TaskResourceLimitation, TaskState, TaskStatus } from 'mesos-http-client'
import { isPartitionAware, isTerminal } from '../model/states.ts'
import { uuidBytes, uuidKey } from '../model/uuid.ts'
import { agentId, type AgentContext } from './context.ts'
import { removeExecutor, removeIfIdle, shutdownExecutor } from './removal.ts'
import {
  completeTask,
  executorOfTask,
  hasIncompleteTasks,
  type AgentFramework,
  type AgentTask,
  type Executor,
} from './state.ts'

export interface OwnStatus {
  readonly taskId: string
  readonly state: TaskState
  readonly message: string
  readonly reason: NonNullable<TaskStatus['reason']>
  readonly executorId?: string | undefined
  readonly limitation?: TaskResourceLimitation | undefined
}

/** An update that the agent itself makes: SOURCE_AGENT, with a uuid, delivered as reliably as an executor's. */
export function sendOwnStatus(context: AgentContext, frameworkId: string, fields: OwnStatus): void {
  const status: TaskStatus = {
    task_id: { value: fields.taskId },
    state: fields.state,
    message: fields.message,
    source: 'SOURCE_AGENT',
    reason: fields.reason,
    agent_id: { value: agentId(context) },
    ...(fields.executorId !== undefined && { executor_id: { value: fields.executorId } }),
    timestamp: context.clock.now() / 1000,
    uuid: uuidBytes(context.newUuid()),
    ...(fields.limitation !== undefined && { limitation: fields.limitation }),
  }
  const framework = context.frameworks.get(frameworkId)
  if (framework?.state !== 'running') return
  apply(context, framework, status)
}

/** An executor's UPDATE; it was validated before. One with a foreign agent_id vanishes. */
export function onExecutorStatus(context: AgentContext, framework: AgentFramework, sent: TaskStatus): void {
  const own = agentId(context)
  if (sent.agent_id !== undefined && sent.agent_id.value !== own) return
  if (framework.state !== 'running') return
  const status: TaskStatus = {
    ...sent,
    source: 'SOURCE_EXECUTOR',
    agent_id: { value: own },
    timestamp: sent.timestamp ?? context.clock.now() / 1000,
  }
  const executor = executorOfTask(framework, status.task_id.value)
  if (executor !== undefined && status.state === 'TASK_STAGING') {
    shutdownExecutor(context, framework, executor)
    return
  }
  const accepted = apply(context, framework, status)
  // A task it was never given, or one already completed: nothing is confirmed, so resends need a bound.
  if (accepted === undefined || status.uuid === undefined) return
  accepted.stream?.send({
    type: 'ACKNOWLEDGED',
    acknowledged: { task_id: status.task_id, uuid: status.uuid },
  })
}

/** Returns the executor that had the task, if any. */
function apply(context: AgentContext, framework: AgentFramework, said: TaskStatus): Executor | undefined {
  const plain = drainingStatus(context, framework, said)
  const taskId = plain.task_id.value
  const executor = executorOfTask(framework, taskId)
  if (executor === undefined) {
    context.streams.add(framework.id, plain)
    return undefined
  }
  // A container that is gone has no status any more, nor has one that the task never reached.
  const bare =
    executor.phase.name === 'terminated' ||
    executor.queued.has(taskId) ||
    (plain.source === 'SOURCE_AGENT' && isDropped(plain.state))
  const status = bare
    ? plain
    : { ...plain, container_status: containerStatus(context, executor, plain.container_status) }
  if (!changeTask(executor, taskId, status)) return executor
  if (context.streams.add(framework.id, status)) context.journal.append(executor, { type: 'update', status })
  context.changed()
  return executor
}

/** The reason is AGENT_DRAINING whatever the executor said; on an agent that will be gone the task is gone with it. */
function drainingStatus(context: AgentContext, framework: AgentFramework, status: TaskStatus): TaskStatus {
  if (context.drain === undefined) return status
  if (status.state !== 'TASK_KILLING' && status.state !== 'TASK_KILLED') return status
  const gone = context.drain.mark_gone === true && isPartitionAware(framework.info)
  return {
    ...status,
    reason: 'REASON_AGENT_DRAINING',
    ...(gone && { state: 'TASK_GONE_BY_OPERATOR' }),
  }
}

function isDropped(state: TaskState): boolean {
  return state === 'TASK_DROPPED' || state === 'TASK_LOST'
}

function containerStatus(
  context: AgentContext,
  executor: Executor,
  sent: ContainerStatus | undefined,
): ContainerStatus {
  const pid = executor.container?.pid
  return {
    ...sent,
    container_id: sent?.container_id ?? { value: executor.containerId },
    network_infos: sent?.network_infos ?? [
      { ip_addresses: [{ protocol: 'IPv4', ip_address: context.settings.ip }] },
    ],
    ...(pid !== undefined && { executor_pid: pid }),
  }
}

/** Moves a task between the executor's lists; false when the update fits no task and must not go on. */
export function changeTask(executor: Executor, taskId: string, status: TaskStatus): boolean {
  const queued = executor.queued.get(taskId)
  if (queued !== undefined) {
    if (!isTerminal(status.state)) return false
    executor.queued.delete(taskId)
    executor.terminated.set(taskId, { info: queued, state: status.state, statuses: [withoutData(status)] })
    return true
  }
  const launched = executor.launched.get(taskId)
  if (launched === undefined) return false
  remember(launched, status)
  if (isTerminal(status.state)) {
    executor.launched.delete(taskId)
    executor.terminated.set(taskId, launched)
  }
  return true
}

function remember(task: AgentTask, status: TaskStatus): void {
  task.state = status.state
  if (task.statuses.at(-1)?.state === status.state) task.statuses.pop()
  task.statuses.push(withoutData(status))
}

function withoutData({ data: _data, ...status }: TaskStatus): TaskStatus {
  return status
}

/** The newest state that the agent knows, which may be ahead of what it forwards. */
export function latestState(context: AgentContext, frameworkId: string, status: TaskStatus): TaskState {
  const framework = context.frameworks.get(frameworkId)
  const taskId = status.task_id.value
  const executor = framework && executorOfTask(framework, taskId)
  const task = executor?.launched.get(taskId) ?? executor?.terminated.get(taskId)
  return task?.state ?? status.state
}

/** The scheduler has the update: the next one of the task may go, or the task is over. */
export function onAcknowledged(
  context: AgentContext,
  frameworkId: string,
  taskId: string,
  uuid: Uint8Array,
): void {
  const outcome = context.streams.acknowledge(frameworkId, taskId, uuid)
  if (outcome === 'ignored') return
  const framework = context.frameworks.get(frameworkId)
  const executor = framework && executorOfTask(framework, taskId)
  if (framework === undefined || executor === undefined) return
  context.journal.append(executor, { type: 'acknowledged', taskId, uuid: uuidKey(uuid) })
  if (outcome === 'terminal') completeTask(executor, taskId)
  if (executor.phase.name === 'terminated' && !hasIncompleteTasks(executor)) {
    removeExecutor(context, framework, executor)
  }
  removeIfIdle(context, framework)
  context.changed()
}
