// Transactions: plain ones for anybody, fenced ones for the leader. A deposed leader's transaction throws LeaseLost (S78).
import type pg from 'pg'
import type { Pool, Queryable } from './pool.ts'

/** The right to write as leader, as it was when it was won. */
export interface LeaseHold {
  readonly name: string
  readonly epoch: number
}

/** The caller no longer leads: it must stop acting on Mesos and write nothing more. */
export class LeaseLost extends Error {
  readonly code = 'lease_lost'

  constructor(hold: LeaseHold) {
    super(`epoch ${hold.epoch} of lease ${hold.name} is over`)
    this.name = 'LeaseLost'
  }
}

/** Runs `work` in one transaction (read committed) and commits it, or rolls it back where it throws. */
export async function transaction<T>(pool: Pool, work: (db: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken = true
  // The pool listens only to idle connections; the query under way rejects, and that is enough.
  const ignore = (): void => {}
  client.on('error', ignore)
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    broken = false
    return result
  } catch (error) {
    broken = !(await rollback(client))
    throw error
  } finally {
    // One that is thrown away may still emit.
    if (!broken) client.removeListener('error', ignore)
    client.release(broken)
  }
}

/**
 * As `transaction`, for the leader: the epoch row is locked for share first, so that a successor can only take over
 * before (then this throws LeaseLost) or after the commit.
 */
export async function fencedTransaction<T>(
  pool: Pool,
  hold: LeaseHold,
  work: (db: Queryable) => Promise<T>,
): Promise<T> {
  return await transaction(pool, async db => {
    const { rowCount } = await db.query(
      'select 1 from scheduling.lease where name = $1 and epoch = $2 for share',
      [hold.name, hold.epoch],
    )
    if (rowCount !== 1) throw new LeaseLost(hold)
    return await work(db)
  })
}

async function rollback(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('rollback')
    return true
  } catch {
    return false
  }
}
