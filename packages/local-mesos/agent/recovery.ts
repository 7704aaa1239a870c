// An agent's return from its journal: frameworks, executors, tasks and updates as they were when it died.
import type { AgentContext } from './context.ts'
import { executorExited } from './executors.ts'
import { endDraining, removeExecutor, removeIfIdle } from './removal.ts'
import type { JournalEntry } from './journal.ts'
import { completeTask, hasIncompleteTasks, newExecutor, type AgentFramework, type Executor } from './state.ts'
import { changeTask } from './status.ts'
import { isTerminal } from '../model/states.ts'
import { uuidKey } from '../model/uuid.ts'

/** Rebuilds everything and takes up the processes; true when executors may come back. */
export function recover(context: AgentContext): boolean {
  for (const entries of context.journal.readRuns()) recoverRun(context, entries)
  for (const framework of context.frameworks.values()) removeIfIdle(context, framework)
  if (context.frameworks.size === 0) endDraining(context)
  return context.frameworks.size > 0
}

function recoverRun(context: AgentContext, entries: readonly JournalEntry[]): void {
  const run = entries[0]
  if (run?.type !== 'run') return
  const frameworkId = run.framework.id?.value ?? ''
  const framework: AgentFramework = context.frameworks.get(frameworkId) ?? {
    id: frameworkId,
    info: run.framework,
    state: 'running',
    executors: new Map(),
    completedExecutors: [],
  }
  context.frameworks.set(frameworkId, framework)
  const executor = newExecutor({
    id: run.executor.executor_id.value,
    frameworkId,
    info: run.executor,
    containerId: run.containerId,
    directory: run.directory,
    user: run.user,
    checkpoint: true,
    kind: run.kind,
  })
  framework.executors.set(executor.id, executor)
  context.attachments.attach(executor)
  for (const entry of entries.slice(1)) replay(context, framework, executor, entry)
  const started = entries.find(entry => entry.type === 'started')
  const exited = (end: { status: number }): void => {
    if (context.phase !== 'stopped') executorExited(context, framework, executor, end)
  }
  if (started?.type === 'started') {
    executor.container = context.launcher.recover(executor, started.pid, started.startTime, exited)
  } else {
    // The agent died before the process was there.
    exited({ status: -1 })
  }
  // Its own end was seen before the agent died, and all is acknowledged since.
  if (executor.phase.name === 'terminated' && !hasIncompleteTasks(executor)) {
    removeExecutor(context, framework, executor)
  }
}

function replay(
  context: AgentContext,
  framework: AgentFramework,
  executor: Executor,
  entry: JournalEntry,
): void {
  switch (entry.type) {
    case 'framework':
      framework.info = entry.framework
      break
    case 'task':
      executor.launched.set(entry.task.task_id.value, {
        info: entry.task,
        state: 'TASK_STAGING',
        statuses: [],
      })
      break
    case 'update':
      changeTask(executor, entry.status.task_id.value, entry.status)
      context.streams.add(framework.id, entry.status)
      break
    case 'acknowledged': {
      context.streams.restoreAcknowledged(framework.id, entry.taskId, entry.uuid)
      const last = executor.terminated.get(entry.taskId)?.statuses.at(-1)
      if (last !== undefined && isTerminal(last.state) && uuidKey(last.uuid) === entry.uuid) {
        completeTask(executor, entry.taskId)
      }
      break
    }
    default:
      break
  }
}
