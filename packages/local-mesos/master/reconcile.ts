// Answers to RECONCILE, exactly as rule S67 lists them. Decides only; the caller sends what comes out.
import type { SchedulerCallReconcileTask, TaskStatus } from 'mesos-http-client'
import type { MasterContext } from './context.ts'
import type { Framework, MasterTask } from './state.ts'
import { masterStatus } from './updates.ts'

/** The last state of a task that was forwarded, without data or labels (S58, S70). */
function latest(task: MasterTask, nowMs: number): TaskStatus {
  const last = task.statuses.at(-1)
  const answer = masterStatus(
    {
      taskId: task.info.task_id.value,
      agentId: task.agentId,
      state: task.forwarded?.status.state ?? task.state,
      message: 'Reconciliation: Latest task state',
      reason: 'REASON_RECONCILIATION',
      executorId: task.executorId,
    },
    nowMs,
  )
  return {
    ...answer,
    ...(last?.healthy !== undefined && { healthy: last.healthy }),
    ...(last?.check_status !== undefined && { check_status: last.check_status }),
    ...(last?.container_status !== undefined && { container_status: last.container_status }),
  }
}

/** Implicit reconciliation: every task that the master knows of this framework. */
export function reconcileAll(framework: Framework, nowMs: number): TaskStatus[] {
  return [...framework.tasks.values()].map(task => latest(task, nowMs))
}

/** Explicit reconciliation of one task; undefined is the silence while an agent may still come back (S67, S68). */
export function reconcileOne(
  context: MasterContext,
  framework: Framework,
  asked: SchedulerCallReconcileTask,
): TaskStatus | undefined {
  const { state, registry, clock } = context
  const nowMs = clock.now()
  const taskId = asked.task_id.value
  const agentId = asked.agent_id?.value
  const task = framework.tasks.get(taskId)
  if (task !== undefined) return latest(task, nowMs)
  if (agentId === undefined ? state.recovering.size > 0 : state.recovering.has(agentId)) return undefined
  const partitionAware = framework.capabilities.has('PARTITION_AWARE')
  const answer = (newState: TaskStatus['state'], message: string): TaskStatus =>
    masterStatus(
      {
        taskId,
        agentId,
        state: partitionAware ? newState : 'TASK_LOST',
        message: `Reconciliation: ${message}`,
        reason: 'REASON_RECONCILIATION',
      },
      nowMs,
    )
  if (agentId !== undefined) {
    if (state.agents.has(agentId)) return answer('TASK_GONE', 'Task is unknown to the agent')
    const unreachableSinceMs = registry.unreachableSince(agentId)
    if (unreachableSinceMs !== undefined) {
      return {
        ...answer('TASK_UNREACHABLE', 'Task is unreachable'),
        unreachable_time: { nanoseconds: BigInt(unreachableSinceMs) * 1_000_000n },
      }
    }
    if (registry.isGone(agentId)) return answer('TASK_GONE_BY_OPERATOR', 'Task is gone')
  }
  return answer('TASK_UNKNOWN', 'Task is unknown')
}
