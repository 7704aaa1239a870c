// Which migrations this database has; none where it was never migrated.
import type { Queryable } from '../pool.ts'

export async function selectMigrations(db: Queryable): Promise<ReadonlySet<string>> {
  const { rows: found } = await db.query<{ there: boolean }>(
    "select to_regclass('scheduling.migration') is not null as there",
  )
  if (!found[0]?.there) return new Set()
  const { rows } = await db.query<{ name: string }>('select name from scheduling.migration')
  return new Set(rows.map(({ name }) => name))
}
