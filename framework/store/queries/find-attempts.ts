// Which live task an id at Mesos belongs to, and where that attempt was launched; ids of ended tasks are not found.
import type { Queryable } from '../pool.ts'

export interface FoundAttempt {
  readonly mesosTaskId: string
  readonly taskId: number
  readonly agentId: string
  readonly executorId: string
  readonly executorGeneration: number
}

export async function findAttempts(
  db: Queryable,
  mesosTaskIds: readonly string[],
): Promise<Map<string, FoundAttempt>> {
  const { rows } = await db.query<FoundAttempt>(
    `select mesos_task_id as "mesosTaskId", task_id as "taskId", agent_id as "agentId", executor_id as "executorId",
       executor_generation as "executorGeneration"
     from tasks.attempt
     where mesos_task_id = any($1::text[])`,
    [mesosTaskIds],
  )
  return new Map(rows.map(row => [row.mesosTaskId, row]))
}
