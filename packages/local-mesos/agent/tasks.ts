// RUN_TASK and KILL_TASK at the agent: which executor gets a task, when one is started, when a launch is dropped.
import { join } from 'node:path'
import type { ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo } from 'mesos-http-client'
import { isPartitionAware } from '../model/states.ts'
import type { AgentContext } from './context.ts'
import { agentId } from './context.ts'
import { awaitRegistration, executorExited } from './executors.ts'
import { shutdownExecutor } from './removal.ts'
import { everSentTask, executorOfTask, newExecutor, type AgentFramework, type Executor } from './state.ts'
import { sendOwnStatus, type OwnStatus } from './status.ts'

interface RunTask {
  readonly framework: FrameworkInfo
  readonly task: TaskInfo
  readonly launchExecutor: boolean
}

/** The executor that Mesos makes up for a task with a command; it has the task's id. */
function executorInfoOf(run: RunTask): ExecutorInfo {
  const { task, framework } = run
  if (task.executor !== undefined) return task.executor
  return {
    executor_id: task.task_id,
    name: `Command Executor (Task: ${task.task_id.value}) (Command: sh -c '${task.command?.value ?? ''}')`,
    source: task.task_id.value,
    ...(framework.id !== undefined && { framework_id: framework.id }),
    ...(task.command !== undefined && { command: task.command }),
  }
}

export function runTask(context: AgentContext, run: RunTask): void {
  const frameworkId = run.framework.id?.value ?? ''
  const framework = context.frameworks.get(frameworkId) ?? addFramework(context, run.framework)
  if (framework.state === 'terminating') return
  const info = executorInfoOf(run)
  const executor = framework.executors.get(info.executor_id.value)
  const kind = run.task.executor === undefined ? 'command' : 'custom'
  if (context.drain !== undefined) {
    const message = 'Task was received while agent was already draining'
    drop(context, framework, run.task, message, 'REASON_AGENT_DRAINING')
    return
  }
  if (executor === undefined) {
    if (run.launchExecutor) startExecutor(context, framework, info, kind, run.task)
    else drop(context, framework, run.task, 'No executor is expected to launch and there is none running')
  } else if (kind === 'command') {
    drop(context, framework, run.task, 'Cannot reuse an already existing executor for a command task')
  } else if (run.launchExecutor) {
    refuseSecond(context, framework, executor, run.task)
  } else {
    handOver(context, framework, executor, run.task)
  }
}

function addFramework(context: AgentContext, info: FrameworkInfo): AgentFramework {
  const id = info.id?.value ?? ''
  const framework: AgentFramework = {
    id,
    info,
    state: 'running',
    executors: new Map(),
    completedExecutors: [],
  }
  context.frameworks.set(id, framework)
  return framework
}

/** The executor went, but its last updates are unacknowledged; or the master has not heard of its end (S47). */
function refuseSecond(
  context: AgentContext,
  framework: AgentFramework,
  executor: Executor,
  task: TaskInfo,
): void {
  drop(context, framework, task, 'Master wants to launch executor, but one already exists')
  if (executor.phase.name === 'terminated') {
    context.send({ type: 'EXITED_EXECUTOR', frameworkId: framework.id, executorId: executor.id, status: -1 })
  } else {
    shutdownExecutor(context, framework, executor)
  }
}

function handOver(
  context: AgentContext,
  framework: AgentFramework,
  executor: Executor,
  task: TaskInfo,
): void {
  const { phase } = executor
  if (phase.name === 'terminating' || phase.name === 'terminated') {
    drop(context, framework, task, `Executor ${phase.name}`)
    return
  }
  context.journal.append(executor, { type: 'task', task })
  if (phase.name === 'registering') {
    executor.queued.set(task.task_id.value, task)
    return
  }
  executor.launched.set(task.task_id.value, { info: task, state: 'TASK_STAGING', statuses: [] })
  executor.stream?.send({ type: 'LAUNCH', launch: { task } })
}

function drop(
  context: AgentContext,
  framework: AgentFramework,
  task: TaskInfo,
  message: string,
  reason: OwnStatus['reason'] = 'REASON_EXECUTOR_TERMINATED',
): void {
  sendOwnStatus(context, framework.id, {
    taskId: task.task_id.value,
    state: isPartitionAware(framework.info) ? 'TASK_DROPPED' : 'TASK_LOST',
    message,
    reason,
  })
}

function startExecutor(
  context: AgentContext,
  framework: AgentFramework,
  info: ExecutorInfo,
  kind: Executor['kind'],
  task: TaskInfo,
): void {
  const id = info.executor_id.value
  const containerId = context.newUuid()
  const path = ['slaves', agentId(context), 'frameworks', framework.id, 'executors', id, 'runs', containerId]
  const executor = newExecutor({
    id,
    frameworkId: framework.id,
    info,
    containerId,
    directory: join(context.workDir, ...path),
    user: info.command?.user ?? framework.info.user,
    checkpoint: framework.info.checkpoint ?? false,
    kind,
  })
  framework.executors.set(id, executor)
  executor.queued.set(task.task_id.value, task)
  context.attachments.attach(executor)
  context.journal.open(executor, framework.info)
  context.journal.append(executor, { type: 'task', task })
  awaitRegistration(context, executor)
  executor.container = context.launcher.launch(executor, framework.info, task, {
    started: pid => {
      context.log('executor started', { executorId: id, frameworkId: framework.id, pid })
      context.changed()
    },
    exited: end => {
      if (context.phase !== 'stopped') executorExited(context, framework, executor, end)
    },
  })
}

/** KILL of a task, wherever it stands (E28). */
export function killTask(
  context: AgentContext,
  frameworkId: string,
  taskId: string,
  killPolicy: KillPolicy | undefined,
): void {
  const framework = context.frameworks.get(frameworkId)
  if (framework?.state !== 'running') return
  const executor = executorOfTask(framework, taskId)
  if (executor === undefined) {
    sendOwnStatus(context, frameworkId, {
      taskId,
      state: isPartitionAware(framework.info) ? 'TASK_DROPPED' : 'TASK_LOST',
      message: 'Cannot find executor',
      reason: 'REASON_EXECUTOR_TERMINATED',
    })
    return
  }
  if (executor.phase.name === 'terminating' || executor.phase.name === 'terminated') return
  if (!executor.queued.has(taskId)) {
    executor.stream?.send({
      type: 'KILL',
      kill: { task_id: { value: taskId }, ...(killPolicy !== undefined && { kill_policy: killPolicy }) },
    })
    return
  }
  sendOwnStatus(context, frameworkId, {
    taskId,
    state: 'TASK_KILLED',
    message: 'Killed before delivery to the executor',
    reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
    executorId: executor.id,
  })
  // One that has not subscribed yet is left alone until it does; then it is told to shut down.
  if (executor.phase.name === 'running' && !everSentTask(executor) && executor.queued.size === 0) {
    shutdownExecutor(context, framework, executor)
  }
}
