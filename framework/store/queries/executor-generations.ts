// Executors of each agent are counted up, since a dead one's id cannot be used again soon, and a changed one's never.
import type { Queryable } from '../pool.ts'

export interface GenerationRow {
  readonly agentId: string
  readonly generation: number
  readonly since: Date
}

export async function selectGenerations(db: Queryable): Promise<readonly GenerationRow[]> {
  const { rows } = await db.query<GenerationRow>(
    'select agent_id as "agentId", generation, since from scheduling.executor_generation',
  )
  return rows
}

/** Raises the agent's generation to `atLeast` where it is lower; returns what it is then. */
export async function raiseGeneration(
  db: Queryable,
  args: { agentId: string; atLeast: number; now: Date },
): Promise<number> {
  const { rows } = await db.query<{ generation: number }>(
    `insert into scheduling.executor_generation as g (agent_id, generation, since) values ($1, $2, $3)
     on conflict (agent_id) do update set
       since = case when g.generation < excluded.generation then excluded.since else g.since end,
       generation = greatest(g.generation, excluded.generation)
     returning generation`,
    [args.agentId, args.atLeast, args.now],
  )
  return rows[0]?.generation ?? args.atLeast
}

/** Raises it by one, whatever it is, and above `above`. */
export async function stepGeneration(
  db: Queryable,
  args: { agentId: string; above: number; now: Date },
): Promise<number> {
  const { rows } = await db.query<{ generation: number }>(
    `insert into scheduling.executor_generation as g (agent_id, generation, since) values ($1, $2::integer + 1, $3)
     on conflict (agent_id) do update set
       generation = greatest(g.generation, $2) + 1, since = excluded.since
     returning generation`,
    [args.agentId, args.above, args.now],
  )
  return rows[0]?.generation ?? args.above + 1
}
