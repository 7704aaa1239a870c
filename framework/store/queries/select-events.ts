// The event log from a place on. It ends below the oldest transaction that is still open: one of those could commit an event
// that belongs before what we would show now.
import type { TaskState } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'

export interface EventRow {
  readonly id: number
  readonly xid: string
  readonly at: Date
  readonly tenant: string
  readonly task_id: number
  readonly name: string
  readonly type: string
  readonly state: TaskState
  readonly attempt: number
  readonly message: string | null
}

export async function selectEvents(
  db: Queryable,
  args: { tenant: string | undefined; after: { xid: string; id: number }; limit: number },
): Promise<readonly EventRow[]> {
  const { rows } = await db.query<EventRow>(
    `select id, xid::text, at, tenant, task_id, name, type, state, attempt, message
     from tasks.event
     where (xid, id) > ($1::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot())
       and ($3::text is null or tenant = $3)
     order by event.xid, id
     limit $4`,
    [args.after.xid, args.after.id, args.tenant ?? null, args.limit],
  )
  return rows
}

/** A cursor beyond the newest transaction comes from another life of this database. */
export async function isFuture(db: Queryable, xid: string): Promise<boolean> {
  const { rows } = await db.query<{ future: boolean }>(
    'select $1::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) as future',
    [xid],
  )
  return rows[0]?.future ?? true
}
