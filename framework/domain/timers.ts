// Which of a task's clocks runs, and what it means when it rings. Pure.
import type { EventType, Waits } from './effects.ts'
import { waited } from './endings.ts'
import { type Attempt, isWaiting, type TaskCore } from './task.ts'
import { updateKind } from './update.ts'

/** The executor enforces the run time; this much later we do it ourselves. */
const overrunSlackMs = 60_000

/** How long the details of an end are awaited that a reconciliation told of: agents resend within 10 to 40 s (S58). */
const detailsWaitMs = 60_000

export interface Timer {
  readonly event: Extract<EventType, 'queueTimeout' | 'overrun' | 'settleTimeout'>
  readonly at: Date
}

/** The next timer of a task as it is now; undefined where none runs. `attempt` is the current one. */
export function nextTimer(task: TaskCore, attempt: Attempt | undefined, waits: Waits): Timer | undefined {
  if (isWaiting(task.state)) return queueTimer(task)
  if (!attempt || attempt.finishedAt || (task.state !== 'LAUNCHING' && task.state !== 'RUNNING'))
    return undefined
  const timers = [settleTimer(attempt, waits), overrunTimer(task)].filter(timer => timer !== undefined)
  return timers.toSorted((a, b) => a.at.getTime() - b.at.getTime())[0]
}

function queueTimer(task: TaskCore): Timer | undefined {
  const { maxQueueSeconds } = task.spec
  if (maxQueueSeconds === undefined || !task.queuedAt) return undefined
  const leftMs = maxQueueSeconds * 1000 - waited(task, task.queuedAt)
  return { event: 'queueTimeout', at: new Date(task.queuedAt.getTime() + Math.max(0, leftMs)) }
}

function settleTimer(attempt: Attempt, waits: Waits): Timer | undefined {
  if (!attempt.unsettledSince) return undefined
  const waitMs = updateKind(attempt) === 'away' ? waits.unreachableWaitMs : detailsWaitMs
  return { event: 'settleTimeout', at: new Date(attempt.unsettledSince.getTime() + waitMs) }
}

function overrunTimer(task: TaskCore): Timer | undefined {
  const { maxRuntimeSeconds, killGraceSeconds } = task.spec
  if (task.state !== 'RUNNING' || maxRuntimeSeconds === undefined || !task.startedAt || task.overranAt) {
    return undefined
  }
  const limitMs = (maxRuntimeSeconds + killGraceSeconds) * 1000 + overrunSlackMs
  return { event: 'overrun', at: new Date(task.startedAt.getTime() + limitMs) }
}
