// Who leads, by the lease.
import type { Queryable } from '../pool.ts'

export interface LeaderRow {
  readonly holder: string
  readonly address: string
  readonly since: Date
  /** Of the lease; renewed every two seconds. */
  readonly until: Date
}

/** Undefined where the lease is free, by the database's clock. */
export async function selectLeader(db: Queryable, name: string): Promise<LeaderRow | undefined> {
  const { rows } = await db.query<LeaderRow>(
    `select holder, address, since, expires_at as until from scheduling.leader
     where name = $1 and expires_at > clock_timestamp()`,
    [name],
  )
  return rows[0]
}
