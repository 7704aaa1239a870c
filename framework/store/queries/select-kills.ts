// Current attempts that must end: killed by a client, or over their run time.
import type { Queryable } from '../pool.ts'

export interface KillRow {
  readonly taskId: number
  readonly mesosTaskId: string
  readonly agentId: string
  readonly killGraceSeconds: number
  readonly requestedAt: Date
}

export async function selectKills(db: Queryable): Promise<readonly KillRow[]> {
  const { rows } = await db.query<KillRow>(
    `select t.id as "taskId", a.mesos_task_id as "mesosTaskId", a.agent_id as "agentId",
       (t.policy ->> 'killGraceSeconds')::float8 as "killGraceSeconds",
       least(t.kill_requested_at, t.overran_at) as "requestedAt"
     from tasks.task t
     join tasks.attempt a on a.task_id = t.id and a.number = t.attempt
     where (t.kill_requested_at is not null or t.overran_at is not null) and t.state in ('LAUNCHING', 'RUNNING')
     order by t.id`,
  )
  return rows
}
