// Live tasks, locked until the end of the transaction; in the order of ids, so that two batches never wait for each other.
import type { TaskCore, TaskPolicy } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'
import { coreOf, type TaskRow } from '../rows.ts'

/** Those of `ids` that are live. */
export async function lockTasks(db: Queryable, ids: readonly number[]): Promise<readonly TaskCore[]> {
  const { rows } = await db.query<TaskRow & { policy: TaskPolicy }>(
    `select id, tenant, name, state, policy, attempt, failures, faults, message, exit_code, caveat, kill_requested_at,
       overran_at, not_before, hold_agent_id, hold_executor_id, hold_generation, hold_until, waited_ms, queued_at,
       submitted_at, started_at
     from tasks.task
     where id = any($1::bigint[])
     order by id
     for update`,
    [ids],
  )
  return rows.map(coreOf)
}
