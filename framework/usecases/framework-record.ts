// The framework id that Mesos assigned (S5), and whether the store is fit for use.
import type { Cluster } from '../domain/origin.ts'
import { migrationNames } from '../store/migrate.ts'
import { selectFramework, upsertFramework } from '../store/queries/framework.ts'
import { selectDatabase } from '../store/queries/select-database.ts'
import { selectMigrations } from '../store/queries/select-migrations.ts'
import { fencedTransaction } from '../store/transaction.ts'
import type { Deps, LeaderDeps, LeaseHold } from './deps.ts'
import { UseCaseError } from './errors.ts'
import type { FrameworkRecord } from './types.ts'

export async function loadFramework(
  deps: Deps,
  args: { readonly name: string },
): Promise<FrameworkRecord | undefined> {
  const row = await selectFramework(deps.pool, args.name)
  if (!row) return undefined
  const { principal, origin: _, savedAt: __, ...record } = row
  return { ...record, ...(principal === null ? {} : { principal }) }
}

/**
 * Before anything is launched (S5), with the cluster that assigned it and the database at hand. Throws UseCaseError `framework_id_conflict` where another id is kept under this name (S16):
 * an operator must decide what becomes of that one's tasks. Throws LeaseLost.
 */
export async function saveFramework(
  deps: LeaderDeps,
  lease: LeaseHold,
  record: FrameworkRecord & { readonly cluster?: Cluster },
): Promise<void> {
  const { cluster, ...known } = record
  const database = await selectDatabase(deps.pool)
  const origin = { ...(cluster ? { cluster } : {}), ...(database ? { database } : {}) }
  const row = { ...known, principal: known.principal ?? null, origin }
  const saved = await fencedTransaction(deps.pool, lease, db => upsertFramework(db, row, deps.now()))
  if (!saved) {
    throw new UseCaseError(
      'framework_id_conflict',
      `Mesos assigned framework id ${record.frameworkId}, but the store keeps another one for "${record.name}"`,
    )
  }
}

/** Rejects where the store cannot be reached. */
export async function checkStore(deps: Deps): Promise<{ readonly migrated: boolean }> {
  const applied = await selectMigrations(deps.pool)
  return { migrated: (await migrationNames()).every(name => applied.has(name)) }
}
