// Executors that died. The first report of one decides the generation that follows; a later one may add that it is clean.
import type { Queryable } from '../pool.ts'

export interface Loss {
  /** Of the executors that start after this one's death. */
  readonly nextGeneration: number
  /** How many current attempts it had. */
  readonly attempts: number
  /** Its containers are known to be gone. */
  readonly clean: boolean
}

interface Executor {
  readonly agentId: string
  readonly executorId: string
}

/** Locks the row; a known loss becomes clean where `clean` says so, and never the other way. */
export async function updateLoss(
  db: Queryable,
  args: Executor & { clean: boolean },
): Promise<Loss | undefined> {
  const { rows } = await db.query<Loss>(
    `update scheduling.executor_loss set clean = clean or $3
     where agent_id = $1 and executor_id = $2
     returning next_generation as "nextGeneration", attempts, clean`,
    [args.agentId, args.executorId, args.clean],
  )
  return rows[0]
}

export async function insertLoss(db: Queryable, args: Executor & Loss & { now: Date }): Promise<void> {
  await db.query(
    `insert into scheduling.executor_loss (agent_id, executor_id, next_generation, attempts, clean, at)
     values ($1, $2, $3, $4, $5, $6)`,
    [args.agentId, args.executorId, args.nextGeneration, args.attempts, args.clean, args.now],
  )
}

/** The current attempts of an executor, and its generation. */
export async function selectExecutorUse(
  db: Queryable,
  args: Executor,
): Promise<{ attempts: number; generation: number }> {
  const { rows } = await db.query<{ attempts: number; generation: number | null }>(
    `select count(*) as attempts, max(executor_generation) as generation from tasks.attempt
     where agent_id = $1 and executor_id = $2 and finished_at is null`,
    [args.agentId, args.executorId],
  )
  return { attempts: rows[0]?.attempts ?? 0, generation: rows[0]?.generation ?? 0 }
}

/** Nothing is heard of them any more. */
export async function deleteOldLosses(db: Queryable, before: Date): Promise<void> {
  await db.query('delete from scheduling.executor_loss where at < $1', [before])
}
