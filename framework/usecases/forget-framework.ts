// Mesos has removed our framework (S16): its id is of no use any more.
import { deleteFramework } from '../store/queries/delete-framework.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { LeaderDeps, LeaseHold } from './deps.ts'

/** Only where no attempt under that id is live: the next subscription gets a new id. Throws LeaseLost. */
export async function forgetFramework(
  deps: LeaderDeps,
  lease: LeaseHold,
  args: { readonly name: string },
): Promise<void> {
  await fencedTransaction(deps.pool, lease, db => deleteFramework(db, args.name))
}
