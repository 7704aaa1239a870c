// Forgets the framework id of this name.
import type { Queryable } from '../pool.ts'

/** Returns false, and keeps it, while an attempt is live. */
export async function deleteFramework(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await db.query<{ live: boolean }>(
    `with live as (select exists (select 1 from tasks.task where state in ('LAUNCHING', 'RUNNING')) as live),
     gone as (delete from scheduling.framework using live where name = $1 and not live.live)
     select live from live`,
    [name],
  )
  return rows[0]?.live === false
}
