// What waits for a launch: everything, by pages, or what came since an earlier reading.
import type { TaskSpec } from '../../domain/spec.ts'
import type { Queryable } from '../pool.ts'

export interface PendingRow {
  readonly id: number
  readonly name: string
  readonly tenant: string
  readonly queued_at: Date
  readonly not_before: Date | null
  readonly hold_until: Date | null
  readonly spec: TaskSpec
  readonly attempt: number
}

/**
 * The horizon is the oldest transaction that was open at this reading: whatever a later reading since it leaves out was
 * visible to this one. (What other transactions wrote meanwhile comes twice, and none is missed.)
 */
export async function selectPending(
  db: Queryable,
  args: { since: string | undefined; afterId: number; limit: number },
): Promise<{ readonly rows: readonly PendingRow[]; readonly horizon: string }> {
  const { rows } = await db.query<PendingRow & { horizon: string }>(
    `select t.*, pg_snapshot_xmin(pg_current_snapshot())::text as horizon
     from (select 1) always
     left join lateral (
       select id, name, tenant, queued_at, not_before, hold_until, spec, attempt
       from tasks.task
       where state = 'QUEUED' and id > $1 and ($2::xid8 is null or queued_xid >= $2::xid8)
       order by id
       limit $3) t on true
     order by t.id`,
    [args.afterId, args.since ?? null, args.limit],
  )
  const horizon = rows[0]?.horizon
  if (horizon === undefined) throw new Error('PostgreSQL gave no row for its snapshot')
  // Without any task, the outer join gives one row of nulls.
  return { rows: rows.filter(row => row.id !== null), horizon }
}
