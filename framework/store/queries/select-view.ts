// One task's record, live or ended: in one statement, so that a task that moves meanwhile is neither missed nor seen twice.
import type { Attempt, Task } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { type ViewRow, viewOf } from '../rows.ts'
import { historyView, liveView } from './views.ts'

export async function selectView(
  db: Queryable,
  args: { tenant: string; id: number },
): Promise<(Task & { readonly attempts: readonly Attempt[] }) | undefined> {
  const { rows } = await db.query<ViewRow>(
    `select ${liveView} from tasks.task t where t.id = $1 and t.tenant = $2
     union all
     select ${historyView} from tasks.task_history h where h.id = $1 and h.tenant = $2`,
    [args.id, args.tenant],
  )
  return rows[0] && viewOf(rows[0])
}
