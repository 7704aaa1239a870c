// What an agent knows: frameworks, their executors, the executors' tasks. Data and look-ups only.
import type {
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  TaskInfo,
  TaskResourceLimitation,
  TaskState,
  TaskStatus,
} from 'mesos-http-client'
import type { Timer } from '../core/clock.ts'

/** An executor's event stream, over HTTP or inside this process. */
export interface ExecutorStream {
  send(event: ExecutorEvent): void
  close(): void
  /** Breaks it without an end, as the death of the agent does. */
  abandon(): void
}

export interface AgentTask {
  readonly info: TaskInfo
  state: TaskState
  statuses: TaskStatus[]
}

/** What runs an executor: a process tree, or something inside this process. */
export interface Container {
  readonly pid: number | undefined
  /** Ends it with all its descendants; the end is reported by the owner's `exited`. */
  destroy(): void
  /** The agent dies: what is not running yet will not run; what runs goes on. */
  abandon(): void
}

export type ExecutorPhase =
  | { readonly name: 'registering'; readonly timeout: Timer | undefined }
  | { readonly name: 'running' }
  | { readonly name: 'terminating'; readonly grace: Timer | undefined }
  | { readonly name: 'terminated' }

/** What the tasks of an executor are told when it ends, where it is not simply "terminated". */
export interface Termination {
  readonly state: TaskState
  readonly reason: NonNullable<TaskStatus['reason']>
  readonly message: string
  readonly limitation?: TaskResourceLimitation
}

export interface Executor {
  readonly id: string
  readonly frameworkId: string
  readonly info: ExecutorInfo
  readonly containerId: string
  /** The sandbox. */
  readonly directory: string
  readonly user: string
  readonly checkpoint: boolean
  /** Made by the agent for a task with a command of its own. */
  readonly kind: 'custom' | 'command'
  phase: ExecutorPhase
  stream: ExecutorStream | undefined
  container: Container | undefined
  termination: Termination | undefined
  /** Waiting for the executor to subscribe. */
  readonly queued: Map<string, TaskInfo>
  readonly launched: Map<string, AgentTask>
  /** Ended, the last update not acknowledged by the scheduler. */
  readonly terminated: Map<string, AgentTask>
  completed: AgentTask[]
}

export interface AgentFramework {
  readonly id: string
  info: FrameworkInfo
  state: 'running' | 'terminating'
  readonly executors: Map<string, Executor>
  completedExecutors: Executor[]
}

/** How many completed tasks of an executor, executors of a framework, and frameworks an agent remembers. */
export const completedTasksLimit = 200
export const completedExecutorsLimit = 150
export const completedFrameworksLimit = 50

export function newExecutor(
  o: Pick<
    Executor,
    'id' | 'frameworkId' | 'info' | 'containerId' | 'directory' | 'user' | 'checkpoint' | 'kind'
  >,
): Executor {
  return {
    ...o,
    phase: { name: 'registering', timeout: undefined },
    stream: undefined,
    container: undefined,
    termination: undefined,
    queued: new Map(),
    launched: new Map(),
    terminated: new Map(),
    completed: [],
  }
}

/** The executor that was given this task and has not completed it. */
export function executorOfTask(framework: AgentFramework, taskId: string): Executor | undefined {
  for (const executor of framework.executors.values()) {
    if (executor.queued.has(taskId) || executor.launched.has(taskId) || executor.terminated.has(taskId)) {
      return executor
    }
  }
  return undefined
}

/** Whether it still owes updates or runs tasks. */
export function hasIncompleteTasks(executor: Executor): boolean {
  return executor.queued.size > 0 || executor.launched.size > 0 || executor.terminated.size > 0
}

/** Whether a task was ever handed to it. */
export function everSentTask(executor: Executor): boolean {
  return (
    executor.launched.size > 0 ||
    [...executor.terminated.values(), ...executor.completed].some(task =>
      task.statuses.some(status => status.source === 'SOURCE_EXECUTOR'),
    )
  )
}

/** Ends a task's life at the executor: nothing more will be said of it. */
export function completeTask(executor: Executor, taskId: string): void {
  const task = executor.terminated.get(taskId)
  if (task === undefined) return
  executor.terminated.delete(taskId)
  executor.completed.push(task)
  if (executor.completed.length > completedTasksLimit) executor.completed.shift()
}
