// A real PostgreSQL for tests: one server for the whole run, a database of its own for each caller.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrate } from '../../framework/store/migrate.ts'
import { createPool, type Pool } from '../../framework/store/pool.ts'
import { startPostgres } from '../../scripts/postgres.ts'

export interface TestDatabase {
  readonly url: string
  readonly pool: Pool
  /** Ends the pool and drops the database. */
  close(): Promise<void>
}

interface Server {
  readonly url: string
  /** A migrated database that others are copied from. */
  readonly template: string
  close(): Promise<void>
}

let server: Promise<Server> | undefined

// Hooks of the whole run: starting a server on a busy machine takes longer than a test may.
before(async function () {
  this.timeout(60_000)
  server = startServer()
  await server
})

after(async function () {
  this.timeout(60_000)
  const running = await server?.catch(() => undefined)
  await running?.close()
})

/** `empty`: without our schema. Uses the server of JUICE_TEST_DATABASE_URL (superuser) where set, else starts one. */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  server ??= startServer()
  const { url, template } = await server
  const name = uniqueName('juice_test')
  await administer(url, `create database ${name} template ${options.empty ? 'template0' : template}`)
  const own = databaseUrl(url, name)
  const pool = createPool({ url: own, applicationName: 'test' })
  return {
    url: own,
    pool,
    close: async () => {
      await pool.end()
      await administer(url, `drop database ${name} with (force)`)
    },
  }
}

async function startServer(): Promise<Server> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer()
  }
  try {
    let url = process.env.JUICE_TEST_DATABASE_URL
    if (url === undefined) {
      const dir = await mkdtemp(join(tmpdir(), 'juice-postgres-'))
      closers.push(() => rm(dir, { recursive: true, force: true }))
      const own = await startPostgres({ dir, durable: false })
      closers.push(() => own.close())
      url = own.url
    }
    const server = url
    const template = uniqueName('juice_template')
    await administer(server, `create database ${template}`)
    closers.push(() => administer(server, `drop database ${template} with (force)`))
    await migrate(databaseUrl(server, template))
    return { url: server, template, close }
  } catch (error) {
    await close()
    throw error
  }
}

function uniqueName(prefix: string): string {
  return `${prefix}_${process.pid}_${randomBytes(4).toString('hex')}`
}

function databaseUrl(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
