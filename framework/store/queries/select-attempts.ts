// All attempts of live tasks.
import type { Attempt } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { attemptOfRow, type AttemptRow } from '../rows.ts'

/** By task id, oldest first. */
export async function selectAttempts(
  db: Queryable,
  taskIds: readonly number[],
): Promise<Map<number, Attempt[]>> {
  const { rows } = await db.query<AttemptRow>(
    `select task_id, number, mesos_task_id, agent_id, hostname, agent_url, executor_id, executor_generation, state,
       reason, message, blame, exit_code, signal, oom, container_id, sandbox, launched_at, last_update_at,
       unsettled_since, started_at, finished_at
     from tasks.attempt
     where task_id = any($1::bigint[])
     order by task_id, number`,
    [taskIds],
  )
  const attempts = new Map<number, Attempt[]>()
  for (const row of rows) {
    const known = attempts.get(row.task_id)
    if (known) known.push(attemptOfRow(row))
    else attempts.set(row.task_id, [attemptOfRow(row)])
  }
  return attempts
}
