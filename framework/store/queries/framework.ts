// The framework id that Mesos assigned, what must stay as it was when it did (S5, S24), and where it is at home (S16).
import type { Origin } from '../../domain/origin.ts'
import type { Queryable } from '../pool.ts'

export interface FrameworkRow {
  readonly name: string
  readonly frameworkId: string
  readonly principal: string | null
  readonly user: string
  readonly checkpoint: boolean
  readonly capabilities: readonly string[]
}

export interface StoredFramework extends FrameworkRow {
  readonly origin: Origin
  readonly savedAt: Date
}

interface OriginColumns {
  readonly hosts: readonly string[] | null
  readonly zkPath: string | null
  readonly system: string | null
  readonly oid: number | null
}

export async function selectFramework(db: Queryable, name: string): Promise<StoredFramework | undefined> {
  const { rows } = await db.query<FrameworkRow & OriginColumns & { readonly savedAt: Date }>(
    `select name, framework_id as "frameworkId", principal, user_name as "user", checkpoint, capabilities,
       cluster_hosts as hosts, cluster_zk_path as "zkPath", database_system as system, database_oid as oid,
       saved_at as "savedAt"
     from scheduling.framework where name = $1`,
    [name],
  )
  const [row] = rows
  if (!row) return undefined
  const { hosts, zkPath, system, oid, ...framework } = row
  return {
    ...framework,
    origin: {
      ...(hosts === null ? {} : { cluster: { hosts, ...(zkPath === null ? {} : { zkPath }) } }),
      ...(system === null || oid === null ? {} : { database: { systemIdentifier: system, oid } }),
    },
  }
}

export async function selectFrameworkNames(db: Queryable): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>('select name from scheduling.framework order by name')
  return rows.map(({ name }) => name)
}

/** Returns false, and changes nothing, where another id is kept under this name. What `origin` does not know stays. */
export async function upsertFramework(
  db: Queryable,
  row: FrameworkRow & { readonly origin: Origin },
  now: Date,
): Promise<boolean> {
  const { cluster, database } = row.origin
  const { rowCount } = await db.query(
    `insert into scheduling.framework as f
       (name, framework_id, principal, user_name, checkpoint, capabilities, saved_at,
        cluster_hosts, cluster_zk_path, database_system, database_oid)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (name) do update set
       principal = excluded.principal, user_name = excluded.user_name, checkpoint = excluded.checkpoint,
       capabilities = excluded.capabilities, saved_at = excluded.saved_at,
       cluster_hosts = coalesce(excluded.cluster_hosts, f.cluster_hosts),
       cluster_zk_path = case when excluded.cluster_hosts is null then f.cluster_zk_path else excluded.cluster_zk_path end,
       database_system = coalesce(excluded.database_system, f.database_system),
       database_oid = coalesce(excluded.database_oid, f.database_oid)
     where f.framework_id = excluded.framework_id`,
    [
      row.name,
      row.frameworkId,
      row.principal,
      row.user,
      row.checkpoint,
      row.capabilities,
      now,
      cluster?.hosts ?? null,
      cluster?.zkPath ?? null,
      database?.systemIdentifier ?? null,
      database?.oid ?? null,
    ],
  )
  return rowCount === 1
}
