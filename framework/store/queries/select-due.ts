// Tasks whose timer has rung, and when the next one does.
import type { Queryable } from '../pool.ts'

export async function selectDue(
  db: Queryable,
  args: { now: Date; limit: number },
): Promise<readonly number[]> {
  const { rows } = await db.query<{ id: number }>(
    'select id from tasks.task where timer_at <= $1 order by timer_at limit $2',
    [args.now, args.limit],
  )
  return rows.map(({ id }) => id)
}

export async function selectNextDue(db: Queryable): Promise<Date | undefined> {
  const { rows } = await db.query<{ at: Date | null }>(
    'select min(timer_at) as at from tasks.task where timer_at is not null',
  )
  return rows[0]?.at ?? undefined
}
