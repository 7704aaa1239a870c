// The leader's housekeeping: partitions ahead of time, and what nobody asks for any more away.
import { ensurePartitions } from '../store/partitions.ts'
import { deleteOldLosses } from '../store/queries/executor-losses.ts'
import { deleteDoneCallbacks } from '../store/queries/record-callbacks.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'

const dayMs = 86_400_000
const deliveredDays = 7
const deadLetterDays = 90
const lossDays = 30

/** Once at start and each hour or so. Throws LeaseLost, or where a lock could not be had soon: then later again. */
export async function maintainStore(deps: LeaderDeps, lease: LeaseHold): Promise<void> {
  const now = deps.now()
  const daysAgo = (days: number) => new Date(now.getTime() - days * dayMs)
  await fencedTransaction(deps.pool, lease, async db => {
    await db.query("set local lock_timeout = '5s'")
    await ensurePartitions(db, now)
  })
  await fencedTransaction(deps.pool, lease, db => deleteOldLosses(db, daysAgo(lossDays)))
  await fencedTransaction(deps.pool, lease, db =>
    deleteDoneCallbacks(db, { deliveredBefore: daysAgo(deliveredDays), deadBefore: daysAgo(deadLetterDays) }),
  )
}
