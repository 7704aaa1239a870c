// The way of a callback from the outbox to its end; who calls receivers is the deliverer. At least once, in order per task.
import { attemptOf, snapshotOf } from '../store/rows.ts'
import { claimCallbacks as claim } from '../store/queries/claim-callbacks.ts'
import { copyOutbox, deleteOutbox } from '../store/queries/ingest-outbox.ts'
import { recordCallbacks } from '../store/queries/record-callbacks.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'
import type { CallbackResult, DueCallback } from './types.ts'

const ingestBatch = 1_000

/** Takes what is in the outbox over into the delivery queue; returns how many. Throws LeaseLost. */
export async function ingestOutbox(deps: LeaderDeps, lease: LeaseHold): Promise<number> {
  let total = 0
  for (;;) {
    const ids = await fencedTransaction(deps.pool, lease, db => copyOutbox(db, ingestBatch))
    // Dying here repeats the copy, which is known by its ids.
    if (ids.length > 0) await fencedTransaction(deps.pool, lease, db => deleteOutbox(db, ids))
    total += ids.length
    if (ids.length < ingestBatch) return total
  }
}

/** The oldest one of each task, where it is due; reserved for `reserveMs`: without a result by then it is due again. */
export async function claimCallbacks(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly limit: number; readonly reserveMs: number },
): Promise<readonly DueCallback[]> {
  const now = deps.now()
  const until = new Date(now.getTime() + args.reserveMs)
  const rows = await fencedTransaction(deps.pool, lease, db => claim(db, { now, until, limit: args.limit }))
  return rows.map(({ outboxId, tenant, url, tries, at, payload }) => ({
    outboxId,
    tenant,
    url,
    tries,
    createdAt: at,
    task: {
      ...snapshotOf(payload.task),
      attempts: payload.attempt ? [attemptOf(payload.attempt)] : [],
    },
  }))
}

/** Throws LeaseLost. */
export async function recordCallbackResults(
  deps: LeaderDeps,
  lease: LeaseHold,
  results: readonly CallbackResult[],
): Promise<void> {
  if (results.length === 0) return
  const now = deps.now()
  const tries = results.map(({ outboxId, outcome, startedAt, durationMs }) => ({
    outboxId,
    startedAt,
    durationMs: Math.round(durationMs),
    state: outcome.name === 'retry' ? ('waiting' as const) : outcome.name,
    nextTryAt: outcome.name === 'retry' ? outcome.at : now,
    status: outcome.status,
    error:
      outcome.name === 'delivered'
        ? undefined
        : outcome.error.replaceAll('\0', '').slice(0, 1000).toWellFormed(),
  }))
  await fencedTransaction(deps.pool, lease, db => recordCallbacks(db, now, tries))
}
