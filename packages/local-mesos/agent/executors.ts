// The life of an executor at the agent: subscription, shutdown with grace, registration time-outs, its end, removal.
import type { ExecutorCallSubscribe } from 'mesos-http-client'
import { isPartitionAware } from '../model/states.ts'
import { formatDuration } from '../model/duration.ts'
import type { AgentContext, ContainerEnd } from './context.ts'
import { removeExecutor, removeIfIdle, shutdownExecutor } from './removal.ts'
import {
  everSentTask,
  hasIncompleteTasks,
  type AgentFramework,
  type Executor,
  type ExecutorStream,
} from './state.ts'
import { onExecutorStatus, sendOwnStatus } from './status.ts'

/** SUBSCRIBE of an executor that the agent knows (E7, E12, E19, E20). */
export function subscribeExecutor(
  context: AgentContext,
  framework: AgentFramework,
  executor: Executor,
  call: ExecutorCallSubscribe,
  stream: ExecutorStream,
): void {
  if (
    framework.state === 'terminating' ||
    executor.phase.name === 'terminating' ||
    executor.phase.name === 'terminated'
  ) {
    stream.send({ type: 'SHUTDOWN' })
    stream.close()
    return
  }
  if (executor.phase.name === 'registering') executor.phase.timeout?.cancel()
  executor.stream?.close()
  executor.stream = stream
  executor.phase = { name: 'running' }
  const unacknowledged = call.unacknowledged_updates ?? []
  const listed = new Set((call.unacknowledged_tasks ?? []).map(task => task.task_id.value))
  for (const [taskId, task] of executor.launched) {
    if (task.state !== 'TASK_STAGING' || listed.has(taskId)) continue
    sendOwnStatus(context, framework.id, {
      taskId,
      state: isPartitionAware(framework.info) ? 'TASK_DROPPED' : 'TASK_LOST',
      message: 'Task launched during agent restart',
      reason: 'REASON_AGENT_RESTARTED',
      executorId: executor.id,
    })
  }
  if (!everSentTask(executor) && executor.queued.size === 0) {
    for (const { status } of unacknowledged) onExecutorStatus(context, framework, status)
    shutdownExecutor(context, framework, executor)
    return
  }
  stream.send({
    type: 'SUBSCRIBED',
    subscribed: {
      executor_info: executor.info,
      framework_info: framework.info,
      agent_info: context.info,
      container_id: { value: executor.containerId },
    },
  })
  for (const { status } of unacknowledged) onExecutorStatus(context, framework, status)
  for (const [taskId, info] of executor.queued) {
    executor.queued.delete(taskId)
    executor.launched.set(taskId, { info, state: 'TASK_STAGING', statuses: [] })
    stream.send({ type: 'LAUNCH', launch: { task: info } })
  }
  context.changed()
}

/** The stream broke or was replaced. The executor itself may be well (E33). */
export function streamEnded(executor: Executor, stream: ExecutorStream): void {
  if (executor.stream === stream) executor.stream = undefined
}

/** An executor that does not subscribe in time is destroyed; its tasks fail (E7). */
export function awaitRegistration(context: AgentContext, executor: Executor): void {
  const { executorRegistrationTimeoutMs: timeoutMs } = context.settings
  const timeout = context.clock.after(timeoutMs, () => {
    if (executor.phase.name !== 'registering') return
    executor.termination = {
      state: 'TASK_FAILED',
      reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
      message: `Executor did not register within ${formatDuration(timeoutMs)}`,
    }
    executor.phase = { name: 'terminating', grace: undefined }
    executor.container?.destroy()
  })
  executor.phase = { name: 'registering', timeout }
}

/** The window after a restart is over: who has not resubscribed is destroyed (E34). */
export function endReregistration(context: AgentContext): void {
  const within = formatDuration(context.settings.executorReregistrationTimeoutMs)
  for (const framework of context.frameworks.values()) {
    for (const executor of framework.executors.values()) {
      if (executor.phase.name !== 'registering') continue
      executor.termination = {
        state: isPartitionAware(framework.info) ? 'TASK_GONE' : 'TASK_LOST',
        reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
        message: `Executor did not reregister within ${within}`,
      }
      executor.phase = { name: 'terminating', grace: undefined }
      executor.container?.destroy()
    }
  }
}

/** All of the executor has ended: FAILURE first, then one verdict per unfinished task (S76). */
export function executorExited(
  context: AgentContext,
  framework: AgentFramework,
  executor: Executor,
  end: ContainerEnd,
): void {
  if (executor.phase.name === 'terminated') return
  if (executor.phase.name === 'registering') executor.phase.timeout?.cancel()
  if (executor.phase.name === 'terminating') executor.phase.grace?.cancel()
  executor.phase = { name: 'terminated' }
  executor.stream?.close()
  executor.stream = undefined
  context.log('executor ended', { executorId: executor.id, frameworkId: framework.id, status: end.status })
  if (executor.kind === 'custom') {
    context.send({
      type: 'EXITED_EXECUTOR',
      frameworkId: framework.id,
      executorId: executor.id,
      status: end.status,
    })
  }
  if (framework.state === 'running') failTasks(context, framework, executor, end)
  else abandonTasks(executor)
  if (framework.state === 'terminating' || !hasIncompleteTasks(executor)) {
    removeExecutor(context, framework, executor)
  }
  removeIfIdle(context, framework)
  context.changed()
}

function failTasks(
  context: AgentContext,
  framework: AgentFramework,
  executor: Executor,
  end: ContainerEnd,
): void {
  const verdict = executor.termination ?? end.termination
  for (const taskId of [...executor.launched.keys(), ...executor.queued.keys()]) {
    sendOwnStatus(context, framework.id, {
      taskId,
      state: verdict?.state ?? 'TASK_FAILED',
      message: verdict?.message ?? 'Executor terminated',
      reason: verdict?.reason ?? 'REASON_EXECUTOR_TERMINATED',
      executorId: executor.id,
      limitation: verdict?.limitation,
    })
  }
}

function abandonTasks(executor: Executor): void {
  for (const [taskId, task] of executor.launched) executor.terminated.set(taskId, task)
  executor.launched.clear()
  executor.queued.clear()
}
