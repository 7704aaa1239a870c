// A client wants a task to end. Any process accepts it; one at Mesos is killed by the leader, which learns of it here.
import { transaction } from '../store/transaction.ts'
import { selectView } from '../store/queries/select-view.ts'
import type { Deps } from './deps.ts'
import type { TaskView } from './types.ts'
import { Work } from './work.ts'

// The leader's waits are not known here. A timer that is set too early by that does no harm: it is checked when it rings.
const noWaits = { orphanWaitMs: 0, unreachableWaitMs: 0 }

/** Undefined: no such task. Terminal: unchanged. Waiting: KILLED at once (S74). Else the leader kills it (`loadKills`). */
export async function requestKill(
  deps: Deps,
  args: { readonly tenant: string; readonly id: number },
): Promise<TaskView | undefined> {
  const hints = await transaction(deps.pool, async db => {
    const work = await Work.lock(db, [args.id], deps.now(), noWaits)
    if (work.task(args.id)?.tenant !== args.tenant) return []
    work.apply(args.id, work.currentAttempt(args.id), { type: 'kill' })
    await work.write()
    return work.hints
  })
  for (const hint of hints) deps.notifier.notify(hint)
  return await selectView(deps.pool, args)
}
