// Takes callbacks over from the outbox: first copied (once, by their id), then deleted, in two transactions, since one writes
// one schema only.
import type { Queryable } from '../pool.ts'

/** Returns the outbox ids that are in the delivery queue now. */
export async function copyOutbox(db: Queryable, limit: number): Promise<readonly number[]> {
  const { rows } = await db.query<{ id: number }>(
    `with source as (select id, at, tenant, task_id, url, payload from tasks.outbox order by id limit $1),
     copied as (
       insert into delivery.callback (outbox_id, at, tenant, task_id, url, payload, next_try_at)
       select id, at, tenant, task_id, url, payload, at from source
       on conflict (outbox_id) do nothing)
     select id from source`,
    [limit],
  )
  return rows.map(({ id }) => id)
}

export async function deleteOutbox(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query('delete from tasks.outbox where id = any($1::bigint[])', [ids])
}
