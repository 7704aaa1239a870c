// Which database this is: its server's system identifier and its own number there. A replica that is promoted keeps both; a
// restored dump, or a copy by `create database … template`, does not.
import type { Database } from '../../domain/origin.ts'
import type { Queryable } from '../pool.ts'

/** Not inside a transaction, which it would break. Undefined where this user may not ask. */
export async function selectDatabase(db: Queryable): Promise<Database | undefined> {
  try {
    const { rows } = await db.query<Database>(
      `select system_identifier::text as "systemIdentifier", d.oid::bigint as oid
       from pg_control_system(), pg_database d where d.datname = current_database()`,
    )
    return rows[0]
  } catch (error) {
    if (isRefused(error)) return undefined
    throw error
  }
}

/** insufficient_privilege, undefined_function: servers that somebody else runs may not offer it. */
function isRefused(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === '42501' || code === '42883'
}
