// Forgets the framework id kept under a name.
import type { Queryable } from '../pool.ts'

export async function deleteFramework(db: Queryable, name: string): Promise<void> {
  await db.query('delete from scheduling.framework where name = $1', [name])
}
