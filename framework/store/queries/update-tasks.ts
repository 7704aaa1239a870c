// Writes the changeable part of many live tasks in one statement.
import type { TaskCore } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { taskDocument } from '../rows.ts'

/** A task that is QUEUED afterwards counts as new in the queue (queued_xid). */
export async function updateTasks(
  db: Queryable,
  changes: readonly { readonly task: TaskCore; readonly timerAt: Date | undefined }[],
): Promise<void> {
  await db.query(
    `update tasks.task t set
       state = r.state, attempt = r.attempt, failures = r.failures, faults = r.faults, message = r.message,
       exit_code = r.exit_code, caveat = r.caveat, kill_requested_at = r.kill_requested_at, overran_at = r.overran_at,
       not_before = r.not_before, hold_agent_id = r.hold_agent_id, hold_executor_id = r.hold_executor_id,
       hold_generation = r.hold_generation, hold_until = r.hold_until, waited_ms = r.waited_ms,
       queued_at = r.queued_at, timer_at = r.timer_at, started_at = r.started_at,
       queued_xid = case when r.state = 'QUEUED' then pg_current_xact_id() else t.queued_xid end
     from json_to_recordset($1::json) as r(
       id bigint, state text, attempt integer, failures integer, faults json, message text, exit_code integer,
       caveat text, kill_requested_at timestamptz, overran_at timestamptz, not_before timestamptz, hold_agent_id text,
       hold_executor_id text, hold_generation integer, hold_until timestamptz, waited_ms bigint, queued_at timestamptz,
       timer_at timestamptz, started_at timestamptz)
     where t.id = r.id`,
    [JSON.stringify(changes.map(({ task, timerAt }) => taskDocument(task, timerAt)))],
  )
}
