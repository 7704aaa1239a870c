// The framework id that Mesos assigned, and what must stay as it was when it did (S5, S24).
import type { Queryable } from '../pool.ts'

export interface FrameworkRow {
  readonly name: string
  readonly frameworkId: string
  readonly principal: string | null
  readonly user: string
  readonly checkpoint: boolean
  readonly capabilities: readonly string[]
}

export async function selectFramework(db: Queryable, name: string): Promise<FrameworkRow | undefined> {
  const { rows } = await db.query<FrameworkRow>(
    `select name, framework_id as "frameworkId", principal, user_name as "user", checkpoint, capabilities
     from scheduling.framework where name = $1`,
    [name],
  )
  return rows[0]
}

/** Returns false, and changes nothing, where another id is kept under this name. */
export async function upsertFramework(db: Queryable, row: FrameworkRow, now: Date): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into scheduling.framework as f
       (name, framework_id, principal, user_name, checkpoint, capabilities, saved_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (name) do update set
       principal = excluded.principal, user_name = excluded.user_name, checkpoint = excluded.checkpoint,
       capabilities = excluded.capabilities, saved_at = excluded.saved_at
     where f.framework_id = excluded.framework_id`,
    [row.name, row.frameworkId, row.principal, row.user, row.checkpoint, row.capabilities, now],
  )
  return rowCount === 1
}
