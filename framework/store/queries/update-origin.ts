// Where the framework id is at home from now on; what is not known now stays as it was remembered.
import type { Origin } from '../../domain/origin.ts'
import type { Queryable } from '../pool.ts'

export async function updateOrigin(
  db: Queryable,
  args: { readonly name: string; readonly origin: Origin },
): Promise<void> {
  const { cluster, database } = args.origin
  await db.query(
    `update scheduling.framework set
       cluster_hosts = coalesce($2::text[], cluster_hosts),
       cluster_zk_path = case when $2::text[] is null then cluster_zk_path else $3 end,
       database_system = coalesce($4, database_system),
       database_oid = coalesce($5::bigint, database_oid)
     where name = $1`,
    [
      args.name,
      cluster?.hosts ?? null,
      cluster?.zkPath ?? null,
      database?.systemIdentifier ?? null,
      database?.oid ?? null,
    ],
  )
}
