// Is this still the cluster that our framework id came from, and the database that it was saved in (S5, S16)? A master would
// take the id all the same, so we ask ourselves before we connect.
import {
  decideNewName,
  decideOrigin,
  newNameProblem,
  originProblem,
  type Cluster,
  type Confirmation,
  type Origin,
  type OriginDecision,
} from '../domain/origin.ts'
import { selectDatabase } from '../store/queries/select-database.ts'
import { countTasks } from '../store/queries/count-tasks.ts'
import { selectFramework, selectFrameworkNames } from '../store/queries/framework.ts'
import { updateOrigin } from '../store/queries/update-origin.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { Deps, LeaderDeps, LeaseHold } from './deps.ts'

export interface OriginCheck {
  /** See `OriginDecision`. */
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
  if (!known) return await checkNewName(deps, question, present)
  const decision = decideOrigin(known.origin, present, said)
  return {
    decision,
    present,
    ...(decision === 'refuse' ? { problem: originProblem(known, known.origin, present, said) } : {}),
    ...(decision === 'forget' ? { why: 'this store was moved to another Mesos cluster' } : {}),
  }
}

async function checkNewName(
  deps: Deps,
  { name, said }: OriginQuestion,
  present: Origin,
): Promise<OriginCheck> {
  const counts = await countTasks(deps.pool)
  const live = (counts.get('LAUNCHING') ?? 0) + (counts.get('RUNNING') ?? 0)
  const decision = decideNewName(live, said)
  if (decision === 'forget')
    return { decision, present, why: `the framework was given the name "${name}", and with it a new id` }
  if (decision !== 'refuse') return { decision, present }
  return { decision, present, problem: newNameProblem(name, await selectFrameworkNames(deps.pool)) }
}

/** The id is at home here from now on. Throws LeaseLost. */
export async function adoptOrigin(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly name: string; readonly origin: Origin },
): Promise<void> {
  await fencedTransaction(deps.pool, lease, db => updateOrigin(db, args))
}
