// Current attempts that must end: killed by a client, or over their run time.
import type { CurrentAttempt } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'

export async function selectKills(db: Queryable): Promise<readonly CurrentAttempt[]> {
  const { rows } = await db.query<CurrentAttempt>(
    `select t.id as "taskId", a.mesos_task_id as "mesosTaskId", a.agent_id as "agentId"
     from tasks.task t
     join tasks.attempt a on a.task_id = t.id and a.number = t.attempt
     where (t.kill_requested_at is not null or t.overran_at is not null) and t.state in ('LAUNCHING', 'RUNNING')
     order by t.id`,
  )
  return rows
}
