// A submission: task, idempotency key and first event in one statement, and so in one commit.
import type { Queryable } from '../pool.ts'

export interface NewTask {
  readonly tenant: string
  readonly name: string
  readonly specJson: string
  readonly policyJson: string
  readonly submittedAt: Date
  readonly timerAt: Date | undefined
  readonly idempotency: { readonly key: string; readonly specSha256: Uint8Array } | undefined
}

/** The new task's id; undefined where the idempotency key is taken. Waits for a submission with that key under way. */
export async function insertTask(db: Queryable, task: NewTask): Promise<number | undefined> {
  const { tenant, name, specJson, policyJson, submittedAt, timerAt, idempotency } = task
  const values = [tenant, name, specJson, policyJson, submittedAt, timerAt ?? null]
  const nextId = "nextval(pg_get_serial_sequence('tasks.task', 'id'))"
  const { rows } = await db.query<{ id: number }>(
    `with chosen as (
       ${
         idempotency
           ? `insert into tasks.idempotency_key (tenant, key, task_id, spec_sha256) values ($1, $7, ${nextId}, $8)
              on conflict (tenant, key) do nothing returning task_id as id`
           : `select ${nextId} as id`
       }),
     task as (
       insert into tasks.task (id, tenant, name, state, spec, policy, submitted_at, queued_at, timer_at)
       select id, $1, $2, 'QUEUED', $3, $4, $5, $5, $6 from chosen
       returning id),
     event as (
       insert into tasks.event (at, tenant, task_id, name, type, state, attempt)
       select $5, $1, id, $2, 'submitted', 'QUEUED', 0 from task)
     select id from task`,
    idempotency ? [...values, idempotency.key, Buffer.from(idempotency.specSha256)] : values,
  )
  return rows[0]?.id
}
