// Mesos' TaskStatus in the words of the use cases. Pure.
import type { TaskStatus } from 'mesos-http-client'
import { taskOutcome, type TaskOutcome } from '../../proto/payload.ts'
import type { StatusUpdate } from '../usecases/index.ts'

/**
 * `executorGone`: the update's executor is known to be dead with all its containers gone. Data that is no outcome (of
 * another executor's version, or not ours) is left out: it must never keep an update from being stored.
 */
export function statusUpdate(status: TaskStatus, executorGone: boolean): StatusUpdate {
  const outcome = status.data && decoded(status.data)
  return {
    mesosTaskId: status.task_id.value,
    state: status.state,
    isReconciliation: status.reason === 'REASON_RECONCILIATION' || tellsOfReturn(status),
    ...(status.agent_id ? { agentId: status.agent_id.value } : {}),
    ...(status.reason ? { reason: status.reason } : {}),
    ...(status.source ? { source: status.source } : {}),
    ...(status.message ? { message: status.message } : {}),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
    ...(status.uuid ? { uuid: status.uuid } : {}),
    ...(status.timestamp === undefined ? {} : { timestampMs: status.timestamp * 1000 }),
    ...(outcome ? { outcome } : {}),
    ...(executorGone ? { executorGone: true } : {}),
  }
}

/**
 * What the master says of the tasks of an agent that is back from out of sight. As a reconciliation's answer it has no data:
 * where it tells of an end, the agent's own update with exit code and result is on its way (S58).
 */
export function tellsOfReturn({ reason }: Pick<TaskStatus, 'reason'>): boolean {
  return reason === 'REASON_AGENT_REREGISTERED'
}

function decoded(data: Uint8Array): TaskOutcome | undefined {
  try {
    return taskOutcome.decode(data)
  } catch {
    return undefined
  }
}
