// Current attempts that have not ended: what to reconcile, and what holds resources.
import type { TaskSpec } from '../../domain/spec.ts'
import type { LiveState } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'

export interface ActiveRow {
  readonly taskId: number
  readonly name: string
  readonly tenant: string
  readonly attempt: number
  readonly mesosTaskId: string
  readonly agentId: string
  readonly hostname: string
  readonly agentUrl: string
  readonly executorId: string
  readonly executorGeneration: number
  readonly state: string
  readonly taskState: LiveState
  readonly resources: TaskSpec['resources']
  readonly killRequested: boolean
  readonly launchedAt: Date
  readonly lastUpdateAt: Date | null
}

export async function selectActive(db: Queryable): Promise<readonly ActiveRow[]> {
  const { rows } = await db.query<ActiveRow>(
    `select t.id as "taskId", t.name, t.tenant, a.number as attempt, a.mesos_task_id as "mesosTaskId",
       a.agent_id as "agentId", a.hostname, a.agent_url as "agentUrl", a.executor_id as "executorId",
       a.executor_generation as "executorGeneration", a.state, t.state as "taskState", t.spec -> 'resources' as resources,
       t.kill_requested_at is not null or t.overran_at is not null as "killRequested",
       a.launched_at as "launchedAt", a.last_update_at as "lastUpdateAt"
     from tasks.task t
     join tasks.attempt a on a.task_id = t.id and a.number = t.attempt
     where t.state in ('LAUNCHING', 'RUNNING')
     order by t.id`,
  )
  return rows
}
