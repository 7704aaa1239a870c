// Callbacks to be made, written with the change that they tell of; in the order given.
import type { OutboxEntry } from '../../domain/effects.ts'
import type { Queryable } from '../pool.ts'

export async function insertOutbox(db: Queryable, at: Date, entries: readonly OutboxEntry[]): Promise<void> {
  const documents = entries.map(({ url, task, attempt }) => ({
    tenant: task.tenant,
    taskId: task.id,
    url,
    // As text: reading the record set would look into it and stumble over \u0000 in a result.
    payload: JSON.stringify({ task, attempt }),
  }))
  await db.query(
    `insert into tasks.outbox (at, tenant, task_id, url, payload)
     select $2, tenant, "taskId", url, payload::json
     from rows from (json_to_recordset($1::json) as (tenant text, "taskId" bigint, url text, payload text))
       with ordinality
     order by ordinality`,
    [JSON.stringify(documents), at],
  )
}
