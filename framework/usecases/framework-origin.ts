// Is this still the cluster that our framework id came from, and the database that it was saved in (S5, S16)? A master would
// take the id all the same, so we ask ourselves before we connect.
import {
  decideOrigin,
  originProblem,
  type Cluster,
  type Confirmation,
  type Origin,
  type OriginDecision,
} from '../domain/origin.ts'
import { selectDatabase } from '../store/queries/select-database.ts'
import { selectFramework } from '../store/queries/framework.ts'
import { updateOrigin } from '../store/queries/update-origin.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { Deps, LeaderDeps, LeaseHold } from './deps.ts'

export interface OriginCheck {
  /** See `OriginDecision`; `go_on` too where no framework id is kept. */
  readonly decision: OriginDecision
  readonly present: Origin
  /** Set with `refuse`: for the operator. */
  readonly problem?: string
  /** Set with `forget`: why the live attempts end. */
  readonly why?: string
}

export interface OriginQuestion {
  /** The framework's. */
  readonly name: string
  /** As configured. */
  readonly cluster: Cluster
  readonly said: Confirmation
}

/** Reads only; any process may ask. */
export async function checkOrigin(deps: Deps, question: OriginQuestion): Promise<OriginCheck> {
  const { name, cluster, said } = question
  const database = await selectDatabase(deps.pool)
  const present: Origin = { cluster, ...(database ? { database } : {}) }
  const known = await selectFramework(deps.pool, name)
  if (!known) return { decision: 'go_on', present }
  const decision = decideOrigin(known.origin, present, said)
  return {
    decision,
    present,
    ...(decision === 'refuse' ? { problem: originProblem(known, known.origin, present, said) } : {}),
    ...(decision === 'forget' ? { why: 'this store was moved to another Mesos cluster' } : {}),
  }
}

/** The id is at home here from now on. Throws LeaseLost. */
export async function adoptOrigin(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly name: string; readonly origin: Origin },
): Promise<void> {
  await fencedTransaction(deps.pool, lease, db => updateOrigin(db, args))
}
