// Current attempts that have not ended: what to reconcile.
import type { CurrentAttempt } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'

export async function selectActive(db: Queryable): Promise<readonly CurrentAttempt[]> {
  const { rows } = await db.query<CurrentAttempt>(
    `select t.id as "taskId", a.mesos_task_id as "mesosTaskId", a.agent_id as "agentId"
     from tasks.task t
     join tasks.attempt a on a.task_id = t.id and a.number = t.attempt
     where t.state in ('LAUNCHING', 'RUNNING')
     order by t.id`,
  )
  return rows
}
