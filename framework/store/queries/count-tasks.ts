// How many live tasks there are in each state.
import type { LiveState } from '../../domain/task.ts'
import type { Queryable } from '../pool.ts'

export async function countTasks(db: Queryable): Promise<Map<LiveState, number>> {
  const { rows } = await db.query<{ state: LiveState; count: number }>(
    'select state, count(*) as count from tasks.task group by state',
  )
  return new Map(rows.map(({ state, count }) => [state, count]))
}
