// Mesos has removed our framework (S16): its id is of no use any more.
import { deleteFramework } from '../store/queries/delete-framework.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'

/** The next subscription gets a new id. Throws where an attempt under the old one is live, and LeaseLost. */
export async function forgetFramework(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly name: string },
): Promise<void> {
  const forgotten = await fencedTransaction(deps.pool, lease, db => deleteFramework(db, args.name))
  if (!forgotten) throw new Error(`tasks of framework "${args.name}" are still at Mesos`)
}
