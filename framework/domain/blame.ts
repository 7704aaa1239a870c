// Whose fault the end of an attempt was (S59): Mesos reason, source, state and our executor's report → task, mesos or juice.
// Pure, and a table to be read: what is not in it is Mesos' fault, capped low, and reported as unknown.
import type { Blame } from './task.ts'
import { type MesosUpdate, updateKind } from './update.ts'

export interface Verdict {
  readonly blame: Blame
  /**
   * `counted`: against the task's own retries. `free`: not, up to `cap` ends with the same `fault`; beyond it as `beyond`
   * says. `never`: the task is over.
   */
  readonly retry: 'counted' | 'free' | 'never'
  /** Present if and only if `retry` is `free`. */
  readonly fault?: { readonly name: string; readonly cap: number; readonly beyond: 'counted' | 'error' }
  /** A reason that is not in the table. */
  readonly unknownReason?: string
}

/** How many free retries each of Mesos' reasons gives to one task. */
const mesosCaps = {
  INVALID_OFFERS: 20,
  MASTER_DISCONNECTED: 20,
  RESOURCES_UNKNOWN: 20,
  GC_ERROR: 20,
  AGENT_DISCONNECTED: 20,
  AGENT_REMOVED: 20,
  AGENT_REMOVED_BY_OPERATOR: 20,
  AGENT_RESTARTED: 20,
  AGENT_UNKNOWN: 20,
  AGENT_DRAINING: 20,
  CONTAINER_LAUNCH_FAILED: 10,
  CONTAINER_UPDATE_FAILED: 20,
  CONTAINER_PREEMPTED: 20,
  IO_SWITCHBOARD_EXITED: 20,
  EXECUTOR_REGISTRATION_TIMEOUT: 20,
  EXECUTOR_REREGISTRATION_TIMEOUT: 20,
  EXECUTOR_TERMINATED: 3,
}
const mesosCapOf: ReadonlyMap<string, number> = new Map(Object.entries(mesosCaps))

/** Limits of the executor's own container: with the agent as source they hit what all its tasks share. */
const sharedLimits = new Set([
  'CONTAINER_LIMITATION',
  'CONTAINER_LIMITATION_DISK',
  'CONTAINER_LIMITATION_MEMORY',
])
const sharedLimitCap = 3

/** Say nothing about the cause: the state decides. */
const judgedByState = new Set([
  'RECONCILIATION',
  'AGENT_REREGISTERED',
  'TASK_KILLED_DURING_LAUNCH',
  'FRAMEWORK_REMOVED',
])

/** Failures that our executor reports of itself or of the engine below it. */
const platformFailures = new Set(['FAILURE_ENGINE', 'FAILURE_EXECUTOR'])

const stateCap = 20
const platformCap = 5
const unknownCap = 5
/** Two more tries, each with a new executor generation: a spec that we validated is refused only for our own mistakes. */
const invalidCap = 2

const byTask: Verdict = { blame: 'task', retry: 'counted' }

function free(name: string, cap: number): Verdict {
  return { blame: 'mesos', retry: 'free', fault: { name, cap, beyond: 'counted' } }
}

/** `update` is what ended the attempt, or what was last heard of it before it was given up. */
export function judge(update: MesosUpdate): Verdict {
  const { reason } = update
  if (reason === 'TASK_UNAUTHORIZED' || reason === 'TASK_GROUP_UNAUTHORIZED')
    return { blame: 'task', retry: 'never' }
  const kind = updateKind(update)
  if (kind === 'error' || reason === 'TASK_INVALID' || reason === 'TASK_GROUP_INVALID') {
    return {
      blame: 'juice',
      retry: 'free',
      fault: { name: 'TASK_INVALID', cap: invalidCap, beyond: 'error' },
    }
  }
  if (kind === 'failed') return judgeFailure(update)
  // A health check ends what it found unhealthy, without a reason.
  if (kind === 'killed' && update.healthy === false) return byTask
  // The launch met an executor that was dying: no run was lost to it, so it does not count as such.
  if (update.state === 'TASK_DROPPED' && reason === 'EXECUTOR_TERMINATED') {
    return free('DROPPED_EXECUTOR_TERMINATED', stateCap)
  }
  if (reason === undefined || judgedByState.has(reason)) return free(update.state, stateCap)
  return judgeReason(reason)
}

function judgeFailure(update: MesosUpdate): Verdict {
  const { reason, report } = update
  if (report?.failure !== undefined && report.failure !== 'FAILURE_UNKNOWN') {
    return platformFailures.has(report.failure) ? free(report.failure, platformCap) : byTask
  }
  if (reason === 'MAX_COMPLETION_TIME_REACHED') return byTask
  if (reason === 'RECONCILIATION' || reason === 'AGENT_REREGISTERED') return byTask
  // The agent stamps it on what the executor reports while it drains.
  if (update.source === 'EXECUTOR') return reason === 'AGENT_DRAINING' ? judgeReason(reason) : byTask
  if (reason !== undefined && sharedLimits.has(reason)) {
    return update.aloneInExecutor ? byTask : free(reason, sharedLimitCap)
  }
  return judgeReason(reason ?? 'none')
}

function judgeReason(reason: string): Verdict {
  const cap = mesosCapOf.get(reason)
  if (cap !== undefined) return free(reason, cap)
  return { ...free(reason, unknownCap), unknownReason: reason }
}
