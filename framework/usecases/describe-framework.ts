// What an operator sees of the framework: its id and where that is at home, who leads, how much is under way.
import type { Origin } from '../domain/origin.ts'
import { countTasks } from '../store/queries/count-tasks.ts'
import { selectFramework, selectFrameworkNames } from '../store/queries/framework.ts'
import { selectDatabase } from '../store/queries/select-database.ts'
import { selectLeader } from '../store/queries/select-leader.ts'
import type { Deps } from './deps.ts'
import type { FrameworkRecord } from './types.ts'

export interface FrameworkDescription {
  readonly name: string
  /** Absent where no id is kept under this name. */
  readonly framework?: FrameworkRecord & { readonly origin: Origin; readonly savedAt: Date }
  /** The names under which an id is kept. */
  readonly names: readonly string[]
  /** The database at hand: `origin.database` of the framework's unless this is a copy. */
  readonly database?: Origin['database']
  /** Absent where the lease is free. */
  readonly leader?: Leader
  readonly tasks: { readonly waiting: number; readonly live: number }
}

export interface Leader {
  readonly holder: string
  readonly address: string
  readonly since: Date
  /** Its lease; renewed every two seconds. */
  readonly until: Date
}

export async function describeFramework(
  deps: Pick<Deps, 'pool'>,
  args: { readonly name: string; readonly lease: string },
): Promise<FrameworkDescription> {
  const { pool } = deps
  const { name } = args
  const [row, names, database, leader, counts] = await Promise.all([
    selectFramework(pool, name),
    selectFrameworkNames(pool),
    selectDatabase(pool),
    selectLeader(pool, args.lease),
    countTasks(pool),
  ])
  const count = (state: 'BLOCKED' | 'QUEUED' | 'LAUNCHING' | 'RUNNING'): number => counts.get(state) ?? 0
  return {
    name,
    names,
    tasks: { waiting: count('BLOCKED') + count('QUEUED'), live: count('LAUNCHING') + count('RUNNING') },
    ...(row ? { framework: withoutNull(row) } : {}),
    ...(database ? { database } : {}),
    ...(leader ? { leader } : {}),
  }
}

/** Undefined where nobody leads. */
export async function findLeader(
  deps: Pick<Deps, 'pool'>,
  args: { readonly lease: string },
): Promise<Leader | undefined> {
  return await selectLeader(deps.pool, args.lease)
}

function withoutNull<T extends { readonly principal: string | null }>(
  row: T,
): Omit<T, 'principal'> & { readonly principal?: string } {
  const { principal, ...rest } = row
  return { ...rest, ...(principal === null ? {} : { principal }) }
}
