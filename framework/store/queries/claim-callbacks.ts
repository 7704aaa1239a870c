// Callbacks that are due, the oldest of each task only, so that a receiver hears of a task in order. Reserved, not taken: a
// deliverer that dies leaves them due again.
import type { Queryable } from '../pool.ts'

export interface ClaimedRow {
  readonly outboxId: number
  readonly tenant: string
  readonly url: string
  readonly payload: { readonly task: object; readonly attempt?: object }
  readonly tries: number
  readonly at: Date
}

export async function claimCallbacks(
  db: Queryable,
  args: { now: Date; until: Date; limit: number },
): Promise<readonly ClaimedRow[]> {
  const { rows } = await db.query<ClaimedRow>(
    `update delivery.callback set tries = tries + 1, next_try_at = $2
     where outbox_id in (
       select outbox_id from delivery.callback due
       where state = 'waiting' and next_try_at <= $1
         and not exists (
           select 1 from delivery.callback earlier
           where earlier.task_id = due.task_id and earlier.state = 'waiting' and earlier.outbox_id < due.outbox_id)
       order by next_try_at
       limit $3
       for update skip locked)
     returning outbox_id as "outboxId", tenant, url, payload, tries, at`,
    [args.now, args.until, args.limit],
  )
  return rows
}
