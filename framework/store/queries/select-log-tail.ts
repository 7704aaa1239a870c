// The kept output of one attempt; whose task it is has to be checked before.
import type { Queryable } from '../pool.ts'

export async function selectLogTail(
  db: Queryable,
  args: { taskId: number; attempt: number },
): Promise<{ stdout: Uint8Array | null; stderr: Uint8Array | null } | undefined> {
  const { rows } = await db.query<{ stdout: Uint8Array | null; stderr: Uint8Array | null }>(
    'select stdout, stderr from tasks.log_tail where task_id = $1 and attempt = $2 order by at desc limit 1',
    [args.taskId, args.attempt],
  )
  return rows[0]
}
