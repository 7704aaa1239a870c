// A framework id is given up although tasks may be live under it: another cluster, or an operator's reset (S16).
import { deleteFramework } from '../store/queries/delete-framework.ts'
import { selectActive } from '../store/queries/select-active.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'
import { Work } from './work.ts'

const batch = 500

/**
 * Live attempts end as lost, with `why` (no full stop) and the word that a second run can't be excluded; their tasks wait
 * again or end, as their policy says. Then the id is forgotten, and the next subscription gets a new one. What was not reached
 * is still live and the id still kept, so doing it again finishes it. Returns how many attempts ended. Throws LeaseLost.
 */
export async function forsakeFramework(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly name: string; readonly why: string },
): Promise<number> {
  const { name, why } = args
  const active = await selectActive(deps.pool)
  let forsaken = 0
  for (let from = 0; from < active.length; from += batch) {
    const taskIds = active.slice(from, from + batch).map(({ taskId }) => taskId)
    const { count, hints } = await fencedTransaction(deps.pool, lease, async db => {
      const work = await Work.lock(db, taskIds, deps.now(), deps.waits)
      const ended = work.taskIds.filter(taskId => {
        const attempt = work.currentAttempt(taskId)
        return work.apply(taskId, attempt, { type: 'forsaken', why }).kind === 'update'
      })
      await work.write()
      return { count: ended.length, hints: work.hints }
    })
    for (const hint of hints) deps.notifier.notify(hint)
    forsaken += count
  }
  const gone = await fencedTransaction(deps.pool, lease, db => deleteFramework(db, name))
  if (!gone) throw new Error(`tasks of framework "${name}" are still at Mesos`)
  return forsaken
}
