// The task that a submission with this key became.
import type { Queryable } from '../pool.ts'

export async function findIdempotencyKey(
  db: Queryable,
  args: { tenant: string; key: string },
): Promise<{ taskId: number; specSha256: Uint8Array } | undefined> {
  const { rows } = await db.query<{ taskId: number; specSha256: Uint8Array }>(
    `select task_id as "taskId", spec_sha256 as "specSha256" from tasks.idempotency_key
     where tenant = $1 and key = $2`,
    [args.tenant, args.key],
  )
  return rows[0]
}
