// Time passes: tasks that waited too long, attempts on agents that stayed away, runs that nothing ended.
import { isTerminal } from '../domain/task.ts'
import { nextTimer, type Timer } from '../domain/timers.ts'
import { selectDue, selectNextDue } from '../store/queries/select-due.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'
import type { TimerResult } from './types.ts'
import { Work } from './work.ts'

const batch = 1_000

/**
 * Call it each second or so; up to 1,000 timers a call. `whyWaits` is what the leader's memory knows of why a task was not
 * placed; an expired task's message tells it. Throws LeaseLost.
 */
export async function applyTimers(
  deps: LeaderDeps,
  lease: LeaseHold,
  whyWaits: (taskId: number) => string | undefined = () => undefined,
): Promise<TimerResult> {
  const now = deps.now()
  const due = await selectDue(deps.pool, { now, limit: batch })
  const rung: { readonly taskId: number; readonly event: Timer['event']; readonly ended: boolean }[] = []
  if (due.length > 0) {
    const hints = await fencedTransaction(deps.pool, lease, async db => {
      const work = await Work.lock(db, due, now, deps.waits)
      for (const taskId of work.taskIds) {
        const task = work.task(taskId)
        const attempt = work.currentAttempt(taskId)
        const timer = task && nextTimer(task, attempt, deps.waits)
        // The stored time is a copy: the task may have changed, and the waits be configured anew.
        if (!timer || timer.at > now) {
          work.touch(taskId)
          continue
        }
        const why = timer.event === 'queueTimeout' ? whyWaits(taskId) : undefined
        work.apply(taskId, attempt, { type: timer.event, ...(why === undefined ? {} : { why }) })
        const after = work.task(taskId)
        rung.push({ taskId, event: timer.event, ended: after !== undefined && isTerminal(after.state) })
      }
      await work.write()
      return work.hints
    })
    for (const hint of hints) deps.notifier.notify(hint)
  }
  const of = (event: Timer['event']) => rung.filter(ring => ring.event === event).map(({ taskId }) => taskId)
  const nextAt = await selectNextDue(deps.pool)
  return {
    expired: of('queueTimeout'),
    abandoned: of('settleTimeout'),
    overran: of('overrun'),
    ...(nextAt ? { nextAt } : {}),
  }
}
