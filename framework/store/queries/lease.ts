// The lease on leadership: the epoch, which transactions lock for share, and beside it who holds it and until when.
import type { Queryable } from '../pool.ts'

export interface LeaseRow {
  readonly epoch: number
  readonly expired: boolean
  /** We got the session lock of this epoch: its holder's connection is gone. */
  readonly abandoned: boolean
}

export async function createLease(db: Queryable, name: string): Promise<void> {
  await db.query('insert into scheduling.lease (name, epoch) values ($1, 0) on conflict (name) do nothing', [
    name,
  ])
}

/** SQL for the session lock that the holder of an epoch keeps; it falls with its connection. */
const lockKey = (name: string, epoch: string) =>
  `hashtextextended('juice lease ' || ${name} || ' ' || ${epoch}, 0)`

/** Times are the database's, so that processes need not agree on one. */
export async function inspectLease(db: Queryable, name: string): Promise<LeaseRow> {
  const { rows } = await db.query<LeaseRow>(
    `select lease.epoch, coalesce(leader.expires_at < clock_timestamp(), true) as expired,
       pg_try_advisory_lock(${lockKey('lease.name', 'lease.epoch')}) as abandoned
     from scheduling.lease left join scheduling.leader on leader.name = lease.name and leader.epoch = lease.epoch
     where lease.name = $1`,
    [name],
  )
  const row = rows[0]
  if (!row) throw new Error(`the lease ${name} vanished`)
  return row
}

export async function lockEpoch(db: Queryable, args: { name: string; epoch: number }): Promise<boolean> {
  const { rows } = await db.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(${lockKey('$1::text', '$2::bigint')}) as locked`,
    [args.name, args.epoch],
  )
  return rows[0]?.locked ?? false
}

export async function unlockEpoch(db: Queryable, args: { name: string; epoch: number }): Promise<void> {
  await db.query(`select pg_advisory_unlock(${lockKey('$1::text', '$2::bigint')})`, [args.name, args.epoch])
}

/** Raises the epoch from `from`; false where somebody else did before. Waits for the old leader's open transactions. */
export async function raiseEpoch(
  db: Queryable,
  args: { name: string; from: number; holder: string; address: string; ttlMs: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `with won as (
       update scheduling.lease set epoch = epoch + 1 where name = $1 and epoch = $2 returning name, epoch)
     insert into scheduling.leader (name, epoch, holder, address, since, expires_at)
     select name, epoch, $3, $4, clock_timestamp(), clock_timestamp() + $5 * interval '1 millisecond' from won
     on conflict (name) do update set
       epoch = excluded.epoch, holder = excluded.holder, address = excluded.address, since = excluded.since,
       expires_at = excluded.expires_at`,
    [args.name, args.from, args.holder, args.address, args.ttlMs],
  )
  return rowCount === 1
}

/** False: the epoch is over. */
export async function renewLease(
  db: Queryable,
  args: { name: string; epoch: number; ttlMs: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update scheduling.leader set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
     where name = $1 and epoch = $2
       and exists (select 1 from scheduling.lease where name = $1 and epoch = $2)`,
    [args.name, args.epoch, args.ttlMs],
  )
  return rowCount === 1
}

/** Lets another take over without waiting. */
export async function expireLease(db: Queryable, args: { name: string; epoch: number }): Promise<void> {
  await db.query(
    'update scheduling.leader set expires_at = clock_timestamp() where name = $1 and epoch = $2',
    [args.name, args.epoch],
  )
}
