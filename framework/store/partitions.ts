// Monthly partitions of what grows for ever. Made ahead; the default partitions only catch what a forgotten chore would lose.
import type { Queryable } from './pool.ts'

const partitioned = ['task_history', 'event', 'log_tail'] as const
const monthsAhead = 2

/** Makes the partitions of this month and the next two where they are missing; returns how many. */
export async function ensurePartitions(db: Queryable, now: Date): Promise<number> {
  let made = 0
  for (const parent of partitioned) {
    for (let ahead = 0; ahead <= monthsAhead; ahead++) {
      const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
      const { rows } = await db.query<{ made: boolean }>(
        'select tasks.ensure_month_partition($1, $2) as made',
        [parent, month],
      )
      if (rows[0]?.made) made++
    }
  }
  return made
}
