// Moves tasks that ended from the live table to history, in one statement; their spec never leaves the database.
import type { Attempt, TaskCore } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { taskDocument } from '../rows.ts'

/** `attempts`: all of the task's, oldest first. */
export async function finishTasks(
  db: Queryable,
  ended: readonly { readonly task: TaskCore; readonly attempts: readonly Attempt[] }[],
): Promise<void> {
  const documents = ended.map(({ task, attempts }) => ({
    ...taskDocument(task, undefined),
    finished_at: task.finishedAt,
    // As text, or reading the record set would look into it and stumble over \u0000.
    result: task.result === undefined ? undefined : JSON.stringify(task.result),
    attempts,
  }))
  await db.query(
    `with live as (
       delete from tasks.task where id in (select id from json_to_recordset($1::json) as r(id bigint))
       returning id, tenant, name, spec, submitted_at)
     insert into tasks.task_history (
       id, tenant, name, state, spec, attempt, failures, faults, message, result, exit_code, caveat,
       kill_requested_at, waited_ms, submitted_at, started_at, finished_at, attempts)
     select live.id, live.tenant, live.name, r.state, live.spec, r.attempt, r.failures, r.faults, r.message,
       r.result::json, r.exit_code, r.caveat, r.kill_requested_at, r.waited_ms, live.submitted_at, r.started_at,
       r.finished_at, r.attempts
     from json_to_recordset($1::json) as r(
       id bigint, state text, attempt integer, failures integer, faults json, message text, result text,
       exit_code integer, caveat text, kill_requested_at timestamptz, waited_ms bigint, started_at timestamptz,
       finished_at timestamptz, attempts json)
     join live using (id)`,
    [JSON.stringify(documents)],
  )
}
