// Brings the database's schema up to this version; safe from several processes at once.

export interface MigrateOptions {
  readonly lockTimeoutMs?: number
}

/** Direct connection. Returns the names of the migrations that were applied now. */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<readonly string[]> {
  throw new Error(`being written ${url} ${options.lockTimeoutMs ?? 0}`)
}
