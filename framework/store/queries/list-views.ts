// A page of records, newest first, live and ended ones together in one snapshot.
import type { Attempt, Task, TaskState } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { type ViewRow, viewOf } from '../rows.ts'
import { historyView, liveView } from './views.ts'

export interface ListArgs {
  readonly tenant: string
  readonly state: TaskState | undefined
  readonly name: string | undefined
  /** Only ids below. */
  readonly beforeId: number | undefined
  readonly limit: number
}

export async function listViews(
  db: Queryable,
  args: ListArgs,
): Promise<readonly (Task & { readonly attempts: readonly Attempt[] })[]> {
  // The ids first: building a record costs much more than finding it.
  const filter = `tenant = $1 and ($2::text is null or state = $2) and ($3::text is null or name = $3)
    and ($4::bigint is null or id < $4)`
  const { rows } = await db.query<ViewRow>(
    `with page as materialized (
       (select id, null::timestamptz as finished_at from tasks.task where ${filter} order by id desc limit $5)
       union all
       (select id, finished_at from tasks.task_history where ${filter} order by id desc limit $5)
       order by id desc
       limit $5)
     select * from (
       select ${liveView} from page join tasks.task t on t.id = page.id and page.finished_at is null
       union all
       select ${historyView} from page
       join tasks.task_history h on h.id = page.id and h.finished_at = page.finished_at) record
     order by id desc`,
    [args.tenant, args.state ?? null, args.name ?? null, args.beforeId ?? null, args.limit],
  )
  return rows.map(viewOf)
}
