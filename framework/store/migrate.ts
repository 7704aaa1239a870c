// Brings the database's schema up to this version; safe from several processes at once, and beside a running older version:
// migrations only expand, each in its own transaction, and give up on a lock soon rather than make others queue behind them.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { createClient } from './pool.ts'
import { ensurePartitions } from './partitions.ts'

const folder = join(import.meta.dirname, 'migrations')

/** Any number that nobody else on the server uses as an advisory lock. */
const lockKey = '5021408213702'

const oldestServer = 140_000

export interface MigrateOptions {
  /** How long one statement waits for locks that others hold. */
  readonly lockTimeoutMs?: number
  /** How long another process may migrate before we give up. */
  readonly waitMs?: number
  readonly now?: () => Date
}

interface Migration {
  readonly name: string
  readonly sql: string
  readonly sha256: string
}

/**
 * Takes a direct connection of its own. Returns the names of the migrations that were applied now. Throws where the server is
 * older than PostgreSQL 14, or where a migration that was applied is not the one in our folder. Migrations of a newer version
 * are no error: two versions run side by side in a deployment.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<readonly string[]> {
  const migrations = await readMigrations()
  const client = createClient(url, 'juice migrate')
  await client.connect()
  try {
    await checkServer(client)
    await client.query(`set lock_timeout = ${Math.round(options.waitMs ?? 120_000)}`)
    await client.query('select pg_advisory_lock($1)', [lockKey])
    await client.query(`set lock_timeout = ${Math.round(options.lockTimeoutMs ?? 5_000)}`)
    await client.query("set client_min_messages = 'warning'")
    await client.query('create schema if not exists scheduling')
    await client.query(`
      create table if not exists scheduling.migration (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default now()
      )`)
    const applied = await applyMissing(client, migrations)
    await ensurePartitions(client, options.now?.() ?? new Date())
    await mendEventOrder(client)
    return applied
  } finally {
    // Closing the session also gives the lock back.
    await client.end()
  }
}

/** The names of the migrations of this version, in order. */
export async function migrationNames(): Promise<readonly string[]> {
  return (await readMigrations()).map(({ name }) => name)
}

async function readMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.sql')).toSorted()
  return await Promise.all(
    files.map(async file => {
      const sql = await readFile(join(folder, file), 'utf8')
      return { name: file.slice(0, -4), sql, sha256: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: string; version: string }>(
    "select current_setting('server_version_num') as number, current_setting('server_version') as version",
  )
  const server = rows[0]
  if (!server || Number(server.number) < oldestServer) {
    throw new Error(`PostgreSQL 14 or newer is needed, this server is ${server?.version ?? 'unknown'}`)
  }
}

async function applyMissing(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string; sha256: string }>(
    'select name, sha256 from scheduling.migration',
  )
  const known = new Map(rows.map(row => [row.name, row.sha256]))
  const applied: string[] = []
  for (const { name, sql, sha256 } of migrations) {
    const before = known.get(name)
    if (before !== undefined && before !== sha256) {
      throw new Error(`Migration ${name} was changed after it had been applied to this database`)
    }
    if (before !== undefined) continue
    await client.query('begin')
    try {
      await client.query(sql)
      await client.query('insert into scheduling.migration (name, sha256) values ($1, $2)', [name, sha256])
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw new Error(`Migration ${name} failed`, { cause: error })
    }
    applied.push(name)
  }
  return applied
}

/**
 * A database that was dumped and restored into another server counts transactions anew: events of before would then stand
 * in the future of the log. They go to its beginning, in their own order.
 */
async function mendEventOrder(client: pg.Client): Promise<void> {
  await client.query("update tasks.event set xid = '0' where xid >= pg_snapshot_xmax(pg_current_snapshot())")
  await client.query(
    "update tasks.task set queued_xid = '0' where state = 'QUEUED' and queued_xid >= pg_snapshot_xmax(pg_current_snapshot())",
  )
}
