// Writes new and changed attempts of live tasks in one statement.
import type { Attempt } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { attemptDocument } from '../rows.ts'

export async function upsertAttempts(
  db: Queryable,
  attempts: readonly { readonly taskId: number; readonly attempt: Attempt }[],
): Promise<void> {
  await db.query(
    `insert into tasks.attempt (
       task_id, number, mesos_task_id, agent_id, hostname, agent_url, executor_id, executor_generation, state, reason,
       message, blame, exit_code, signal, oom, container_id, sandbox, launched_at, last_update_at, unsettled_since,
       started_at, finished_at)
     select task_id, number, mesos_task_id, agent_id, hostname, agent_url, executor_id, executor_generation, state,
       reason, message, blame, exit_code, signal, oom, container_id, sandbox, launched_at, last_update_at,
       unsettled_since, started_at, finished_at
     from json_to_recordset($1::json) as r(
       task_id bigint, number integer, mesos_task_id text, agent_id text, hostname text, agent_url text,
       executor_id text, executor_generation integer, state text, reason text, message text, blame text,
       exit_code integer, signal integer, oom boolean, container_id text, sandbox text, launched_at timestamptz,
       last_update_at timestamptz, unsettled_since timestamptz, started_at timestamptz, finished_at timestamptz)
     on conflict (task_id, number) do update set
       state = excluded.state, reason = excluded.reason, message = excluded.message, blame = excluded.blame,
       exit_code = excluded.exit_code, signal = excluded.signal, oom = excluded.oom,
       container_id = excluded.container_id, sandbox = excluded.sandbox, last_update_at = excluded.last_update_at,
       unsettled_since = excluded.unsettled_since, started_at = excluded.started_at,
       finished_at = excluded.finished_at`,
    [JSON.stringify(attempts.map(({ taskId, attempt }) => attemptDocument(taskId, attempt)))],
  )
}
