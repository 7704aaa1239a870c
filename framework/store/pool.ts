// Connections to PostgreSQL as every query of the store expects them: int8 as number, json parsed, time-boxed.
import pg from 'pg'

export type Pool = pg.Pool

/** A pool or one of its clients inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>

const int8Oid = 20

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    // Our int8 columns hold ids below 2^53; xid8 stays text.
    if (oid === int8Oid && format !== 'binary') return Number
    return format === 'binary' ? pg.types.getTypeParser(oid, format) : pg.types.getTypeParser(oid, 'text')
  },
}

export interface PoolOptions {
  readonly url: string
  readonly max?: number
  readonly applicationName?: string
  /** Told of errors on idle connections, which the pool replaces by itself. */
  readonly onError?: (error: Error) => void
}

/** A pool whose sessions cannot block others for long: a process that hangs inside a transaction loses it. */
export function createPool(options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'juice',
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    // Where not even the server's own time-out arrives, since the network swallows everything.
    query_timeout: 40_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
  })
  pool.on('error', error => options.onError?.(error))
  return pool
}

/** A connection of its own, outside any pool: for LISTEN, session locks and migrations. `queryTimeoutMs`: none if absent. */
export function createClient(url: string, applicationName: string, queryTimeoutMs?: number): pg.Client {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
  })
  // A broken connection rejects what is asked of it; without a listener it would end the process besides.
  client.on('error', () => {})
  return client
}
