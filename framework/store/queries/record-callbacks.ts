// What became of tries to deliver callbacks.
import type { Queryable } from '../pool.ts'

export interface CallbackTry {
  readonly outboxId: number
  readonly state: 'waiting' | 'delivered' | 'dead'
  readonly nextTryAt: Date
  readonly startedAt: Date
  readonly durationMs: number
  readonly status: number | undefined
  readonly error: string | undefined
}

/** Each try is noted under the number that its claim gave; one that is already over for good stays so. */
export async function recordCallbacks(
  db: Queryable,
  now: Date,
  tries: readonly CallbackTry[],
): Promise<void> {
  await db.query(
    `with r as (
       select * from json_to_recordset($1::json) as r(
         "outboxId" bigint, state text, "nextTryAt" timestamptz, "startedAt" timestamptz, "durationMs" integer,
         status integer, error text)),
     over as (
       update delivery.callback c set
         state = r.state, next_try_at = r."nextTryAt", done_at = case when r.state = 'waiting' then null else $2::timestamptz end
       from r
       where c.outbox_id = r."outboxId" and c.state = 'waiting'
       returning c.outbox_id, c.tries)
     insert into delivery.try (outbox_id, number, started_at, duration_ms, status, error)
     select over.outbox_id, over.tries, r."startedAt", r."durationMs", r.status, r.error
     from over join r on r."outboxId" = over.outbox_id
     on conflict (outbox_id, number) do nothing`,
    [JSON.stringify(tries), now],
  )
}

/** Those that ended before; their tries go with them. */
export async function deleteDoneCallbacks(
  db: Queryable,
  args: { deliveredBefore: Date; deadBefore: Date },
): Promise<void> {
  await db.query(
    `delete from delivery.callback
     where (state = 'delivered' and done_at < $1) or (state = 'dead' and done_at < $2)`,
    [args.deliveredBefore, args.deadBefore],
  )
}
