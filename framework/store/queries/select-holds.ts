// Tasks that wait for a dead executor's container on certain agents.
import type { Queryable } from '../pool.ts'

export interface HoldRow {
  readonly taskId: number
  readonly agentId: string
  readonly executorId: string
  readonly generation: number
}

export async function selectHolds(db: Queryable, agentIds: readonly string[]): Promise<readonly HoldRow[]> {
  const { rows } = await db.query<HoldRow>(
    `select id as "taskId", hold_agent_id as "agentId", hold_executor_id as "executorId",
       hold_generation as generation
     from tasks.task
     where hold_agent_id = any($1::text[])`,
    [agentIds],
  )
  return rows
}
