// Appends to the event log, in the order given.
import type { DomainEvent } from '../../domain/effects.ts'
import type { Queryable } from '../pool.ts'

export interface LoggedEvent extends DomainEvent {
  readonly at: Date
  readonly tenant: string
  readonly taskId: number
  readonly name: string
}

export async function insertEvents(db: Queryable, events: readonly LoggedEvent[]): Promise<void> {
  await db.query(
    `insert into tasks.event (at, tenant, task_id, name, type, state, attempt, message)
     select at, tenant, "taskId", name, type, state, attempt, message
     from rows from (json_to_recordset($1::json) as (
       at timestamptz, tenant text, "taskId" bigint, name text, type text, state text, attempt integer,
       message text)) with ordinality
     order by ordinality`,
    [JSON.stringify(events)],
  )
}
